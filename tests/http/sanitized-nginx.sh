#!/bin/sh
# Debian's nginx with the runtime of gcc's AddressSanitizer, which must be there before
# a module that needs it.
#
# No search for leaks: nginx ends without giving back the memory of its cycle.
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1 \
UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
LD_PRELOAD=$(gcc -print-file-name=libasan.so) PATH=$PATH:/usr/sbin exec nginx "$@"
