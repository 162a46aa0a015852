/*
 * allocations.h - counts what this program allocates.
 *
 * Include it in one file only: it defines malloc and its kin.  Under
 * AddressSanitizer, which has its own, it asks that one to report.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct allocations {
    size_t calls, bytes; /* since allocations_reset */
};

/* volatile: a compiler may take malloc for a function that changes nothing of ours */
static volatile struct allocations allocations;

static void count_allocation(size_t size) {
    allocations.calls++;
    allocations.bytes += size;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER 1
#endif

#ifdef WITH_SANITIZER

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *block, size_t size) {
    (void)block;
    count_allocation(size);
}

static void on_free(const volatile void *block) {
    (void)block;
}

static void allocations_start(void) {
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

#else

/* glibc's own names for them */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size) {
    count_allocation(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_allocation(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    count_allocation(size);
    return __libc_realloc(block, size);
}

static void allocations_start(void) {
}

#endif

static void allocations_reset(void) {
    allocations.calls = 0;
    allocations.bytes = 0;
}

#endif
