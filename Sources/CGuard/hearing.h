#pragma once
// How a guard hears successors and the kernel, from its node's death on.
#include "memory.h"

#pragma GCC visibility push(hidden)

/// The time, in nanoseconds since boot.
uint64_t vip_guard_time(void);

/// Gives the sockets their filters and room, while they still receive nothing.
void vip_guard_prepare_hearing(const struct vip_guard *guard);

/// Lets the sockets receive from now on; false if that is not possible.
bool vip_guard_begin_hearing(struct vip_guard *guard);

/// Waits for something to be heard or a deadline; false if that is not possible.
bool vip_guard_await_frames(const struct vip_guard *guard, uint64_t deadline);

/// Takes in one frame, and says what it calls for: a deed of length 0 if for nothing.
///
/// Returns whether there was one.
bool vip_guard_take_frame(
    const struct vip_guard *guard, struct vip_guard_care *care, struct vip_guard_deed *deed);

/// Takes in what the kernel reports.
void vip_guard_take_reports(const struct vip_guard *guard, struct vip_guard_care *care);

#pragma GCC visibility pop
