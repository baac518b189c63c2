// Tests of when a living node counts as standing still. Compiled with sanitizers by
// CGuardTests.swift.
#include "area.h"

#include <stdbool.h>
#include <stdlib.h>

#include "check.h"

enum { AREA_SIZE = VIP_GUARD_CONTENTS_OFFSET + 64 };

static const uint64_t second = 1000000000, millisecond = 1000000;
static const uint64_t start = 5000000000000;

static uint8_t *new_area(uint64_t tolerance) {
  uint8_t *area = aligned_alloc(8, (AREA_SIZE + 7) & ~7);
  memset(area, 0, AREA_SIZE);
  vip_guard_stamp(area, start);
  vip_guard_set_tolerance(area, tolerance);
  return area;
}

static void nothing_is_watched_without_a_tolerance(void) {
  uint8_t *area = new_area(0);
  struct vip_guard_watch watch = {0, 0};
  CHECK(vip_guard_watch_look(&watch, area, start + 3600 * second) == UINT64_MAX);
  CHECK(!vip_guard_watch_rest(&watch, area, start + 3600 * second));
  CHECK(vip_guard_rest(area) == 0);
  free(area);
}

static void a_loop_that_keeps_its_promise_is_left_alone(void) {
  uint8_t *area = new_area(2 * second);
  struct vip_guard_watch watch = {0, 0};
  uint64_t now = start;
  int looks = 0;
  for (int turn = 0; turn < 600; turn++) {
    vip_guard_stamp(area, now);
    vip_guard_promise(area, now + second);
    uint64_t next = watch.next == 0 ? vip_guard_watch_look(&watch, area, now) : watch.next;
    CHECK(next > now && next <= now + 3 * second);
    now += second;
    if (now >= next) {
      next = vip_guard_watch_look(&watch, area, next);
      looks++;
      CHECK(next > now);
    }
  }
  CHECK(looks > 0 && looks <= 300);
  free(area);
}

static void a_loop_that_is_overdue_stands_still(void) {
  uint8_t *area = new_area(2 * second);
  struct vip_guard_watch watch = {0, 0};
  vip_guard_promise(area, start + second);
  CHECK(vip_guard_watch_look(&watch, area, start) == start + 3 * second);
  CHECK(vip_guard_watch_look(&watch, area, start + 3 * second - 1) == start + 3 * second);
  CHECK(!vip_guard_watch_rest(&watch, area, start + 3 * second - 1));
  CHECK(vip_guard_watch_look(&watch, area, start + 3 * second) == 0);
  CHECK(vip_guard_watch_rest(&watch, area, start + 3 * second));
  CHECK(vip_guard_rest(area) == start + 3 * second);
  // It is put to rest once.
  CHECK(vip_guard_watch_look(&watch, area, start + 9 * second) == UINT64_MAX);
  CHECK(!vip_guard_watch_rest(&watch, area, start + 9 * second));
  CHECK(vip_guard_rest(area) == start + 3 * second);
  vip_guard_end_rest(area);
  CHECK(vip_guard_rest(area) == 0);
  free(area);
}

static void a_turn_at_the_last_moment_saves_it(void) {
  uint8_t *area = new_area(second);
  struct vip_guard_watch watch = {0, 0};
  uint64_t now = start + 5 * second;
  CHECK(vip_guard_watch_look(&watch, area, now) == 0);
  vip_guard_stamp(area, now);
  CHECK(!vip_guard_watch_rest(&watch, area, now));
  CHECK(vip_guard_rest(area) == 0);
  CHECK(vip_guard_watch_look(&watch, area, now) == now + second);
  free(area);
}

static void a_guard_that_is_late_itself_gives_time(void) {
  uint8_t *area = new_area(2 * second);
  struct vip_guard_watch watch = {0, 0};
  uint64_t next = vip_guard_watch_look(&watch, area, start);
  CHECK(next == start + 2 * second);
  // On time but for what a busy machine needs.
  struct vip_guard_watch copy = watch;
  CHECK(vip_guard_watch_look(&copy, area, next + 100 * millisecond) == 0);
  // The machine stood still for an hour.
  uint64_t now = next + 3600 * second;
  next = vip_guard_watch_look(&watch, area, now);
  CHECK(next == now + 2 * second);
  CHECK(!vip_guard_watch_rest(&watch, area, now));
  // The node has not turned since: it does stand still.
  CHECK(vip_guard_watch_look(&watch, area, next) == 0);
  CHECK(vip_guard_watch_rest(&watch, area, next));
  free(area);
}

static void times_are_bounded(void) {
  uint8_t *area = new_area(1);
  struct vip_guard_watch watch = {0, 0};
  CHECK(vip_guard_watch_look(&watch, area, start) == start + second);
  vip_guard_set_tolerance(area, UINT64_MAX);
  CHECK(vip_guard_watch_look(&watch, area, start) == start + 512 * second);
  vip_guard_promise(area, UINT64_MAX - 1);
  CHECK(vip_guard_watch_look(&watch, area, start) == start + 600 * second);
  CHECK(!vip_guard_watch_rest(&watch, area, start));
  vip_guard_promise(area, 0);
  vip_guard_set_tolerance(area, second);
  watch.next = watch.pardon = 0;
  CHECK(vip_guard_watch_look(&watch, area, 0) == second);
  free(area);
}

static void spoilt_times_never_hurry(void) {
  for (int round = 0; round < 20000; round++) {
    uint8_t *area = new_area(second);
    struct vip_guard_watch watch = {0, 0};
    uint64_t now = start;
    for (int step = 0; step < 20; step++) {
      uint64_t promise = now - 3 * second + random_below(600) * 10 * millisecond;
      vip_guard_promise(area, promise);
      vip_guard_set_tolerance(area, random_below(3) * second);
      uint64_t next = vip_guard_watch_look(&watch, area, now);
      CHECK(next != 0 || promise + second <= now);
      CHECK(next == 0 || next > now);
      now += random_below(3000) * millisecond;
    }
    free(area);
  }
}

int main(void) {
  nothing_is_watched_without_a_tolerance();
  a_loop_that_keeps_its_promise_is_left_alone();
  a_loop_that_is_overdue_stands_still();
  a_turn_at_the_last_moment_saves_it();
  a_guard_that_is_late_itself_gives_time();
  times_are_bounded();
  spoilt_times_never_hurry();
  return finish();
}
