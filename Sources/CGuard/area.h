#pragma once
// How the guard reads the area: the parts of a walk, which area.c has and its tests call.
#include "guard.h"

// What a sanitizer adds calls its runtime, which must not run in a fork of a process with threads.
// Tests that run this code in an ordinary process define VIP_GUARD_INSTRUMENTED.
#if !defined(VIP_GUARD_INSTRUMENTED) && defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define VIP_GUARD_CODE __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef VIP_GUARD_CODE
#define VIP_GUARD_CODE
#endif

#pragma GCC visibility push(hidden)

struct vip_guard_header {
  /// When the node last lived, in nanoseconds since boot.
  uint64_t stamp;
  /// For how many nanoseconds after the stamp blocks of requests without a limit of their own may
  /// be sent, since the leases of all addresses are alike; 0: without limit.
  uint64_t removal_limit;
  /// How many entries have ever been used; the walk ends there.
  uint32_t entry_count;
  /// When the node's loop turns again at the latest, in nanoseconds since boot.
  uint64_t promise;
  /// For how many nanoseconds after that it may stand still; 0: it is not watched.
  uint64_t tolerance;
  /// When a guard put the node to rest, in nanoseconds since boot; 0 if none has.
  uint64_t rest;
};

struct vip_guard_entry {
  uint32_t flags;
  int32_t interface_index;
  struct vip_guard_block removals;
  struct vip_guard_block farewells;
  /// For how many nanoseconds addresses stay; in a care, when their stay ends.
  uint64_t keep;
  uint64_t patience;
  /// Of a care: where the last request was found in the block of removals, and how many addresses
  /// are still to be announced.
  uint32_t cursor, remaining;
};

/// Flags that only a care sets.
enum {
  /// The entry is kept.
  VIP_GUARD_IS_KEPT = 1 << 16,
  /// Its successor has advertised.
  VIP_GUARD_HAS_SUCCESSOR = 1 << 17,
  /// Another program has put up one of its addresses.
  VIP_GUARD_IS_RETAKEN = 1 << 18,
};

enum { VIP_GUARD_HEADER_SIZE = 64 };

_Static_assert(sizeof(struct vip_guard_header) <= VIP_GUARD_HEADER_SIZE, "the header has room");
_Static_assert(sizeof(struct vip_guard_entry) == 64, "VIP_GUARD_CONTENTS_OFFSET counts 64");
_Static_assert(
    VIP_GUARD_HEADER_SIZE % _Alignof(struct vip_guard_entry) == 0
        && VIP_GUARD_CONTENTS_OFFSET % 8 == 0,
    "entries and blocks are aligned");

/// An entry of an area.
struct vip_guard_entry *vip_guard_entry_at(const void *area, uint32_t index);

/// The block of an entry that is to be sent at a moment; NULL if there is none.
const uint8_t *vip_guard_due_block(
    const void *area, size_t size, uint32_t index, uint32_t what, uint64_t now, uint32_t *length);

/// The length of the packet at the start of some bytes; 0 if it is no VRRP packet.
uint32_t vip_guard_packet_length(const uint8_t *bytes, uint32_t length);

/// The length of as many whole requests as fit a limit; 0 if the first is none that is allowed.
uint32_t vip_guard_batch_length(const uint8_t *bytes, uint32_t length, uint32_t limit);

#pragma GCC visibility pop
