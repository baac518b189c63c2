#pragma once
// What the test programs share: a check that goes on after a failure, and random numbers that
// repeat.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      printf("%s:%d: %s: %s\n", __FILE__, __LINE__, __func__, #condition);    \
      failures++;                                                             \
    }                                                                         \
  } while (0)

/// Prints the last line, which CGuardTests.swift looks for; returns the exit status.
static inline int finish(void) {
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}

/// A xorshift generator, so that a failure repeats.
static inline uint32_t random_below(uint32_t bound) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16) % bound;
}
