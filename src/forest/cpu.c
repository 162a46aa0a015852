/*
 * cpu.c - what the CPU at hand can do.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static enum rw_cpu_level allowed(void) {
    static const char *const names[] = {
        [RW_CPU_ANY] = "any", [RW_CPU_AVX2] = "avx2", [RW_CPU_AVX512] = "avx512"};
    const char *wanted = getenv("ROWAN_CPU");
    for (int level = RW_CPU_ANY; wanted && level < RW_CPU_AVX512; level++)
        if (strcmp(wanted, names[level]) == 0)
            return (enum rw_cpu_level)level;
    return RW_CPU_AVX512;
}

#if defined(__x86_64__)
static enum rw_cpu_level supported(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma"))
        return RW_CPU_ANY;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512vbmi"))
        return RW_CPU_AVX2;
    return RW_CPU_AVX512;
}
#else
static enum rw_cpu_level supported(void) {
    return RW_CPU_ANY;
}
#endif

/* Found out once: kernels are chosen for every call of a graph.  Two threads that do it
 * at the same time find the same. */
bool rw_cpu_has(enum rw_cpu_level level) {
    static _Atomic int known = -1;
    int highest = atomic_load_explicit(&known, memory_order_relaxed);
    if (highest < 0) {
        highest = (int)(supported() < allowed() ? supported() : allowed());
        atomic_store_explicit(&known, highest, memory_order_relaxed);
    }
    return (int)level <= highest;
}
