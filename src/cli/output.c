/*
 * output.c - what the commands say.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

#define MESSAGE_BYTES 2048

static bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7F;
}

/* Names come from model files: an escape sequence in one must stay harmless. */
static void print_harmless(FILE *to, const char *text) {
    for (; *text; text++)
        fputc(is_control((unsigned char)*text) ? '?' : *text, to);
}

void rw_print_text(const char *text) {
    print_harmless(stdout, text);
}

void rw_print_equality(uint32_t ulps) {
    if (ulps)
        printf("equal within %" PRIu32 " units in the last place", ulps);
    else
        printf("equal bit for bit");
}

void rw_say(const char *format, ...) {
    char text[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs("rowan: ", stderr);
    print_harmless(stderr, text);
    fputc('\n', stderr);
}

void rw_say_error(const rowan_error *error) {
    char text[MESSAGE_BYTES];
    rw_say("%s", rowan_error_text(error, text, sizeof text));
}

enum rw_exit rw_finish_output(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return RW_EXIT_OK;
    rw_say("standard output: cannot be written: %s", strerror(errno ? errno : EIO));
    return RW_EXIT_REFUSED;
}
