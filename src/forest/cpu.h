/*
 * cpu.h - what the CPU at hand can do.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CPU_H
#define RW_CPU_H

#include <stdbool.h>

enum rw_cpu_level {
    RW_CPU_ANY,
    RW_CPU_AVX2,  /* with BMI1, BMI2, FMA: x86-64-v3 */
    RW_CPU_AVX512 /* F, BW, DQ, VL, VBMI: Ice Lake, Zen 4 and later */
};

/* False as well where the environment variable ROWAN_CPU ("any", "avx2", "avx512")
 * names a lower level: to compare kernels, or to rule one out.  Read once a process. */
bool rw_cpu_has(enum rw_cpu_level level);

#endif
