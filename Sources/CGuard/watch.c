// When a living node stands still: its loop is overdue for longer than a busy machine explains.
//
// All numbers are copied out of the area before they are used, and none is believed: a tolerance is
// at least a second, and a promise that is far away is looked at again.
#include "area.h"

enum {
  SECOND = 1000000000,
  /// The shortest time that a loop may stand still beyond what it has promised, in seconds: a busy
  /// machine may need that. The longest is that of the longest interval many times over.
  TOLERANCE_SECONDS_MIN = 1,
  TOLERANCE_SECONDS_MAX = 512,
  /// The longest time between two looks, in seconds.
  LOOK_SECONDS_MAX = 600,
  /// The lateness of a guard from which on the whole machine was late, in nanoseconds.
  LATENESS_MAX = 100000000,
};

VIP_GUARD_CODE static uint64_t later(uint64_t time, uint64_t duration) {
  return time > UINT64_MAX - duration ? UINT64_MAX : time + duration;
}

VIP_GUARD_CODE static uint64_t tolerance_of(const void *area) {
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint64_t tolerance = __atomic_load_n(&header->tolerance, __ATOMIC_SEQ_CST);
  const uint64_t least = (uint64_t)TOLERANCE_SECONDS_MIN * SECOND;
  const uint64_t most = (uint64_t)TOLERANCE_SECONDS_MAX * SECOND;
  if (tolerance == 0) return 0;
  return tolerance < least ? least : tolerance > most ? most : tolerance;
}

/// When the loop counts as standing still unless it turns before.
VIP_GUARD_CODE static uint64_t end_of_patience(
    const struct vip_guard_watch *watch, const void *area, uint64_t tolerance) {
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint64_t end = later(__atomic_load_n(&header->promise, __ATOMIC_SEQ_CST), tolerance);
  return end < watch->pardon ? watch->pardon : end;
}

VIP_GUARD_CODE uint64_t vip_guard_watch_look(
    struct vip_guard_watch *watch, const void *area, uint64_t now) {
  uint64_t tolerance = tolerance_of(area);
  uint64_t planned = watch->next;
  watch->next = 0;
  if (tolerance == 0 || vip_guard_rest(area) != 0) {
    watch->pardon = 0;
    return UINT64_MAX;
  }
  if (planned != 0 && now > planned && now - planned > LATENESS_MAX) {
    watch->pardon = later(now, tolerance);
  }
  uint64_t end = end_of_patience(watch, area, tolerance);
  if (end <= now) return 0;
  uint64_t latest = later(now, (uint64_t)LOOK_SECONDS_MAX * SECOND);
  watch->next = end < latest ? end : latest;
  return watch->next;
}

VIP_GUARD_CODE bool vip_guard_watch_rest(
    const struct vip_guard_watch *watch, void *area, uint64_t now) {
  struct vip_guard_header *header = (struct vip_guard_header *)area;
  uint64_t none = 0;
  // 0 would be no note.
  uint64_t note = now > 0 ? now : 1;
  if (!__atomic_compare_exchange_n(
          &header->rest, &none, note, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    return false;
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  // The node stamps the area before it looks for the note: at least one of the two sees the other.
  // If both do, the node takes the note for meant: it was overdue.
  uint64_t tolerance = tolerance_of(area);
  if (tolerance != 0 && end_of_patience(watch, area, tolerance) <= now) return true;
  vip_guard_end_rest(area);
  return false;
}
