// Tests of what a guard keeps of the memory that it inherits, and of the name that it gives itself.
// Compiled with sanitizers by CGuardTests.swift. memory.c is included, with a kernel that serves
// files of the test and records what would be unmapped.
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static long fake_syscall(long number, ...);
// Every call gets six arguments, so that reading them all is reading what was passed.
#define syscall(...) fake_syscall(__VA_ARGS__, 0L, 0L, 0L, 0L, 0L, 0L)
// Under a sanitizer the guard gives nothing back; these tests give nothing back in truth.
#define __asan_init vip_test_no_address_sanitizer
#define __tsan_init vip_test_no_thread_sanitizer
#include "memory.c"
#undef syscall

// MARK: The kernel

enum { STAT = 40, MAPS = 41, UNMAPPED_MAX = 4096 };

static struct {
  /// The two files of /proc/self; NULL for one that can't be opened.
  const char *files[2];
  size_t lengths[2];
  /// How many bytes a read yields at most.
  size_t piece;
  size_t place;
  int open_count;
  struct range unmapped[UNMAPPED_MAX];
  int unmapped_count;
} kernel;

static void set_file(int file, const char *text) {
  kernel.files[file - STAT] = text;
  kernel.lengths[file - STAT] = text ? strlen(text) : 0;
}

static long fake_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  uintptr_t arguments[3];
  for (int index = 0; index < 3; index++) arguments[index] = va_arg(list, uintptr_t);
  va_end(list);
  switch (number) {
  case SYS_openat: {
    bool is_maps = strcmp((const char *)arguments[1], "/proc/self/maps") == 0;
    CHECK(is_maps || strcmp((const char *)arguments[1], "/proc/self/stat") == 0);
    if (!kernel.files[is_maps]) return -1;
    kernel.open_count++;
    kernel.place = 0;
    return is_maps ? MAPS : STAT;
  }
  case SYS_read: {
    const char *file = kernel.files[arguments[0] - STAT];
    size_t rest = kernel.lengths[arguments[0] - STAT] - kernel.place;
    size_t count = rest < kernel.piece ? rest : kernel.piece;
    if (count > arguments[2]) count = arguments[2];
    memcpy((void *)arguments[1], file + kernel.place, count);
    kernel.place += count;
    return (long)count;
  }
  case SYS_close:
    kernel.open_count--;
    return 0;
  case SYS_munmap:
    CHECK(kernel.unmapped_count < UNMAPPED_MAX && arguments[1] > 0);
    if (kernel.unmapped_count == UNMAPPED_MAX) return 0;
    kernel.unmapped[kernel.unmapped_count++] =
        (struct range){arguments[0], arguments[0] + arguments[1]};
    return 0;
  default:
    CHECK(!"a call that was expected");
    return -1;
  }
}

// MARK: Arguments

static char stat_line[2048];

/// /proc/self/stat with a name and the fields 48 to 51.
static const char *stat_of(
    const char *name, uintptr_t start, uintptr_t end, uintptr_t room, uintptr_t room_end) {
  char *place = stat_line + sprintf(stat_line, "4711 (%s) S", name);
  for (int field = 4; field < 48; field++) place += sprintf(place, " %d", field * 1000);
  sprintf(
      place, " %lu %lu %lu %lu 0\n", (unsigned long)start, (unsigned long)end, (unsigned long)room,
      (unsigned long)room_end);
  set_file(STAT, stat_line);
  kernel.piece = SIZE_MAX;
  return stat_line;
}

static bool finds(uintptr_t start, uintptr_t end, uintptr_t expected_room_end) {
  uintptr_t room_end = 0;
  struct range found = find_arguments(&room_end);
  CHECK(kernel.open_count == 0);
  return found.start == start && found.end == end && room_end == expected_room_end;
}

static void arguments_are_found(void) {
  stat_of("vipctl", 1000, 1100, 1100, 1500);
  CHECK(finds(1000, 1100, 1500));
  // An environment that lies elsewhere, is empty or is no range.
  stat_of("vipctl", 1000, 1100, 1101, 1500);
  CHECK(finds(1000, 1100, 1100));
  stat_of("vipctl", 1000, 1100, 1100, 1100);
  CHECK(finds(1000, 1100, 1100));
  stat_of("vipctl", 1000, 1100, 1100, 900);
  CHECK(finds(1000, 1100, 1100));
  // Arguments that are empty or no range.
  stat_of("vipctl", 1000, 1000, 1000, 1500);
  CHECK(finds(0, 0, 0));
  stat_of("vipctl", 1000, 999, 999, 1500);
  CHECK(finds(0, 0, 0));
  stat_of("vipctl", 0, 0, 0, 0);
  CHECK(finds(0, 0, 0));
}

static void a_name_may_look_like_fields(void) {
  const char *names[] = {"", ") S 1 2 3", "a) (b", "))))((((", "(1 2 3 4 5 6 7 8 9"};
  for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
    stat_of(names[index], 1000, 1100, 1100, 1500);
    CHECK(finds(1000, 1100, 1500));
  }
}

static void a_file_that_is_cut_off_yields_no_more_than_a_whole_one(void) {
  size_t length = strlen(stat_of("vip)ctl", 1000, 1100, 1100, 1500));
  for (size_t cut = 0; cut < length; cut++) {
    kernel.lengths[0] = cut;
    uintptr_t room_end = 0;
    struct range found = find_arguments(&room_end);
    CHECK((found.start == 0 && found.end == 0) || (found.start == 1000 && found.end == 1100));
    CHECK(room_end <= 1500);
  }
  set_file(STAT, NULL);
  CHECK(finds(0, 0, 0));
  set_file(STAT, "no parenthesis 1 2 3 4 5 6 7 8 9");
  CHECK(finds(0, 0, 0));
}

static void a_longer_file_is_read_as_far_as_there_is_room(void) {
  stat_of("vipctl", 1000, 1100, 1100, 1500);
  static char longer[8192];
  memset(longer, '7', sizeof longer - 1);
  memcpy(longer, "1 (a) ", 6);
  set_file(STAT, longer);
  CHECK(finds(0, 0, 0));
  memset(longer, ' ', sizeof longer - 1);
  memcpy(longer, "1 (a) ", 6);
  CHECK(finds(0, 0, 0));
}

// MARK: The title

/// Writes the title where a process has some bytes of arguments and, behind them, of environment,
/// in an allocation of exactly that size.
static uint8_t *titled(size_t arguments, size_t environment, struct range *kept) {
  uint8_t *memory = malloc(arguments + environment);
  memset(memory, 'x', arguments + environment);
  uintptr_t start = (uintptr_t)memory;
  stat_of(
      "vipctl", start, start + arguments, start + arguments, start + arguments + environment);
  *kept = write_title();
  CHECK(kept->start == start);
  return memory;
}

static void a_title_stays_within_its_room(void) {
  static const char title[] = "vipctl-guard";
  for (size_t arguments = 1; arguments < 40; arguments++) {
    for (size_t environment = 0; environment < 20; environment++) {
      struct range kept;
      uint8_t *memory = titled(arguments, environment, &kept);
      size_t room = arguments + environment;
      size_t end = arguments > sizeof title ? arguments : sizeof title < room ? sizeof title : room;
      CHECK(kept.end == kept.start + end);
      for (size_t place = 0; place < room; place++) {
        uint8_t expected = place >= end ? 'x' : place < sizeof title ? (uint8_t)title[place] : 0;
        CHECK(memory[place] == expected);
      }
      free(memory);
    }
  }
}

static void long_arguments_are_kept_in_part(void) {
  struct range kept;
  uint8_t *memory = titled(5000, 100, &kept);
  CHECK(kept.end == kept.start + 4096);
  CHECK(memory[4095] == 0 && memory[4096] == 'x');
  free(memory);
}

static void without_arguments_nothing_is_written(void) {
  set_file(STAT, NULL);
  struct range kept = write_title();
  CHECK(kept.start == 0 && kept.end == 0);
}

// MARK: Ranges

static void ranges_that_are_kept_stay(void) {
  enum { PAGES = 24 };
  for (int round = 0; round < 50000; round++) {
    struct range kept[KEPT_COUNT];
    for (int index = 0; index < KEPT_COUNT; index++) {
      // Some empty, some beyond the mapping, some that end before they begin.
      kept[index].start = random_below(PAGES + 4);
      kept[index].end =
          random_below(4) == 0 ? random_below(PAGES) : kept[index].start + random_below(6);
    }
    uintptr_t start = random_below(PAGES), end = random_below(PAGES);
    kernel.unmapped_count = 0;
    unmap(start, end, kept);
    int times[PAGES] = {0};
    for (int index = 0; index < kernel.unmapped_count; index++) {
      struct range gone = kernel.unmapped[index];
      CHECK(gone.end <= PAGES);
      for (uintptr_t page = gone.start; page < gone.end; page++) times[page % PAGES]++;
    }
    for (uintptr_t page = 0; page < PAGES; page++) {
      bool is_kept = page < start || page >= end;
      for (int index = 0; index < KEPT_COUNT; index++) {
        is_kept |= kept[index].start <= page && page < kept[index].end;
      }
      CHECK(times[page] == !is_kept);
    }
  }
}

static void ranges_at_the_ends_of_the_address_space(void) {
  struct range kept[KEPT_COUNT] = {{0, 4096}, {UINTPTR_MAX - 4095, UINTPTR_MAX}};
  kernel.unmapped_count = 0;
  unmap(0, 8192, kept);
  unmap(UINTPTR_MAX - 8191, UINTPTR_MAX, kept);
  CHECK(kernel.unmapped_count == 2);
  CHECK(kernel.unmapped[0].start == 4096 && kernel.unmapped[0].end == 8192);
  CHECK(kernel.unmapped[1].end == UINTPTR_MAX - 4095);
}

// MARK: Mappings

static struct mapping parsed(const char *line) {
  struct mapping mapping;
  memset(&mapping, 0, sizeof mapping);
  for (; *line; line++) read_letter(&mapping, *line);
  return mapping;
}

static void lines_are_read(void) {
  struct mapping line = parsed(
      "7f00a000-7f00b000 rw-p 00001000 fd:01 1234                /usr/lib/lib c.so (deleted)");
  CHECK(line.start == 0x7f00a000 && line.end == 0x7f00b000 && line.inode == 1234);
  CHECK(memcmp(line.access, "rw-p", 4) == 0 && memcmp(line.path, "/usr/", 5) == 0);
  line = parsed("7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                    [stack]");
  CHECK(line.start == 0x7ffffffde000 && line.inode == 0 && memcmp(line.path, "[stac", 5) == 0);
  line = parsed("1000-2000 rw-s 00000000 00:00 0 ");
  CHECK(line.start == 0x1000 && line.end == 0x2000 && line.path[0] == 0 && line.access[3] == 's');
}

static void what_a_guard_can_do_without(void) {
  const struct {
    const char *line;
    bool is_unneeded;
  } cases[] = {
      {"1000-2000 rw-p 00000000 00:00 0 ", true},
      {"1000-2000 rw-p 00000000 00:00 0      [heap]", true},
      {"1000-2000 rw-p 00000000 00:00 0      [stack]", true},
      {"1000-2000 rw-p 00000000 00:00 0      [anon:malloc]", true},
      {"1000-2000 r--p 00000000 00:00 0      [vvar]", false},
      {"1000-2000 r-xp 00000000 00:00 0      [vdso]", false},
      {"1000-2000 --xp 00000000 00:00 0      [vsyscall]", false},
      {"1000-2000 rw-p 00000000 00:00 0      [hea", false},
      {"1000-2000 rw-p 00000000 fd:01 77     /usr/bin/vipctl", false},
      {"1000-2000 rw-p 00000000 fd:01 77     [heap]", false},
      // Shared: a packet socket's ring, a file, memory of System V.
      {"1000-2000 rw-s 00000000 00:08 9      socket:[9]", true},
      {"1000-2000 rw-s 00000000 fd:01 77     /var/lib/file", true},
      // Zeroed data of a library, behind its file; the same elsewhere.
      {"5000-6000 rw-p 00000000 00:00 0 ", false},
      {"5000-6000 rw-p 00000000 00:00 0      [heap]", true},
  };
  for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
    struct mapping line = parsed(cases[index].line);
    CHECK(is_unneeded(&line, 0x5000) == cases[index].is_unneeded);
  }
}

// MARK: The whole

/// Whether a page was unmapped.
static bool is_gone(uintptr_t page) {
  for (int index = 0; index < kernel.unmapped_count; index++) {
    if (kernel.unmapped[index].start <= page && page < kernel.unmapped[index].end) return true;
  }
  return false;
}

static const char maps[] =
    "00400000-00500000 r-xp 00000000 fd:01 5                          /usr/bin/vipctl\n"
    "00500000-00510000 rw-p 00100000 fd:01 5                          /usr/bin/vipctl\n"
    "00510000-00520000 rw-p 00000000 00:00 0 \n"
    "00520000-00530000 rw-p 00000000 00:00 0                          [heap]\n"
    "10000000-10100000 rw-s 00000000 00:01 99                         /dev/zero (deleted)\n"
    "20000000-20400000 rw-p 00000000 00:00 0 \n"
    "30000000-30010000 rw-s 00000000 00:08 9                          socket:[9]\n"
    "40000000-40100000 r-xp 00000000 00:00 0                          [vdso]\n"
    "50000000-50001000 rw-p 00000000 00:00 0 ";

static void unmap_all(void) {
  // The guard's own struct is on the stack of this process, in none of these mappings.
  struct vip_guard guard = {
      (void *)0x10000000, 0x80000, -1, -1, -1, -1, -1, -1, 0, 0x20200123, 0x20300ffe};
  kernel.unmapped_count = 0;
  vip_guard_unmap_inherited(&guard);
  CHECK(kernel.open_count == 0);
}

static void a_guard_keeps_what_it_works_with(void) {
  const size_t pieces[] = {1, 3, 77, 1024, SIZE_MAX};
  for (size_t index = 0; index < sizeof pieces / sizeof *pieces; index++) {
    stat_of("vipctl", 0, 0, 0, 0);
    set_file(MAPS, maps);
    kernel.piece = pieces[index] < 1024 ? pieces[index] : 1024;
    unmap_all();
    CHECK(!is_gone(0x400000) && !is_gone(0x500000) && !is_gone(0x510000) && is_gone(0x520000));
    CHECK(!is_gone(0x10000000) && !is_gone(0x1007f000) && is_gone(0x10080000));
    CHECK(is_gone(0x20000000) && !is_gone(0x20200000) && !is_gone(0x20300000));
    CHECK(is_gone(0x201df000) && !is_gone(0x201e0000) && !is_gone(0x20220000));
    CHECK(is_gone(0x20221000) && is_gone(0x203ff000));
    CHECK(is_gone(0x30000000) && !is_gone(0x40000000));
    // The last line has no end, so it may be cut off.
    CHECK(!is_gone(0x50000000));
    for (int index = 0; index < kernel.unmapped_count; index++) {
      CHECK(kernel.unmapped[index].start % 4096 == 0 && kernel.unmapped[index].end % 4096 == 0);
    }
  }
  set_file(MAPS, NULL);
  unmap_all();
  CHECK(kernel.unmapped_count == 0);
}

static void a_spoilt_list_never_costs_what_is_kept(void) {
  static char spoilt[sizeof maps];
  static const char letters[] = "0123456789abcdef- \n[]/srwp";
  for (int round = 0; round < 5000; round++) {
    memcpy(spoilt, maps, sizeof maps);
    for (int change = 0; change < 6; change++) {
      spoilt[random_below(sizeof maps - 1)] = letters[random_below(sizeof letters - 1)];
    }
    stat_of("vipctl", 0, 0, 0, 0);
    set_file(MAPS, spoilt);
    kernel.piece = 1 + random_below(1024);
    unmap_all();
    for (uintptr_t page = 0x10000000; page < 0x10080000; page += 4096) CHECK(!is_gone(page));
    for (uintptr_t page = 0x201e0000; page < 0x20220000; page += 4096) CHECK(!is_gone(page));
  }
}

int main(void) {
  arguments_are_found();
  a_name_may_look_like_fields();
  a_file_that_is_cut_off_yields_no_more_than_a_whole_one();
  a_longer_file_is_read_as_far_as_there_is_room();
  a_title_stays_within_its_room();
  long_arguments_are_kept_in_part();
  without_arguments_nothing_is_written();
  ranges_that_are_kept_stay();
  ranges_at_the_ends_of_the_address_space();
  lines_are_read();
  what_a_guard_can_do_without();
  a_guard_keeps_what_it_works_with();
  a_spoilt_list_never_costs_what_is_kept();
  return finish();
}
