// The memory that a guard inherits from its node: what it keeps of it, and its own name there.
#include "memory.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct range {
  uintptr_t start, end;
};

/// Where the arguments of the process lie, and the environment behind them if it adjoins
/// (proc_pid_stat(5): fields 48 to 51); empty if unknown.
VIP_GUARD_CODE static struct range find_arguments(uintptr_t *room_end) {
  char text[1024];
  long file = syscall(
      SYS_openat, (long)AT_FDCWD, "/proc/self/stat", (long)(O_RDONLY | O_CLOEXEC), 0L);
  long count = file < 0 ? -1 : syscall(SYS_read, file, text, (long)sizeof text);
  if (file >= 0) syscall(SYS_close, file);
  // The second field, the name, is in parentheses and may contain anything, also these.
  long place = count - 1;
  while (place >= 0 && text[place] != ')') place--;
  uintptr_t values[4] = {0, 0, 0, 0};
  int field = 2;
  for (; place >= 0 && place < count && field <= 51; place++) {
    if (text[place] == ' ') field++;
    else if (field >= 48 && text[place] >= '0' && text[place] <= '9')
      values[field - 48] = values[field - 48] * 10 + (uintptr_t)(text[place] - '0');
  }
  struct range arguments = {0, 0};
  if (values[1] <= values[0]) return arguments;
  arguments.start = values[0];
  arguments.end = values[1];
  *room_end = values[2] == values[1] && values[3] > values[2] ? values[3] : values[1];
  return arguments;
}

/// Puts the guard's own name where `ps` finds arguments, instead of the node's.
///
/// Returns the part of them that has to stay in memory.
VIP_GUARD_CODE static struct range write_title(void) {
  static const char title[] = "vipctl-guard";
  uintptr_t room_end = 0;
  struct range arguments = find_arguments(&room_end);
  // Arguments may be long; the rest of them is not kept, and then not shown.
  if (arguments.end - arguments.start > 4096) arguments.end = arguments.start + 4096;
  uintptr_t end = arguments.start + sizeof title;
  if (end > room_end) end = room_end;
  if (end < arguments.end) end = arguments.end;
  for (uintptr_t place = arguments.start; place < end; place++) {
    size_t letter = place - arguments.start;
    *(volatile char *)place = letter < sizeof title ? title[letter] : 0;
  }
  arguments.end = end;
  return arguments;
}

/// One line of /proc/self/maps, read letter by letter.
struct mapping {
  uintptr_t start, end, inode;
  char access[4], path[5];
  int field, column;
};

VIP_GUARD_CODE static void read_letter(struct mapping *line, char letter) {
  int digit = letter >= '0' && letter <= '9' ? letter - '0'
      : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
  // start-end access offset device inode path; the blanks before the path are for the eye.
  if (line->field < 6 && (letter == ' ' || (line->field == 0 && letter == '-'))) {
    line->field++;
    line->column = 0;
    return;
  }
  if (line->field == 6 && line->column == 0 && letter == ' ') return;
  if (line->field == 0 && digit >= 0) line->start = line->start << 4 | (uintptr_t)digit;
  if (line->field == 1 && digit >= 0) line->end = line->end << 4 | (uintptr_t)digit;
  if (line->field == 2 && line->column < 4) line->access[line->column] = letter;
  if (line->field == 5 && digit >= 0) line->inode = line->inode * 10 + (uintptr_t)digit;
  if (line->field == 6 && line->column < 5) line->path[line->column] = letter;
  line->column++;
}

/// Whether the guard can do without a mapping, except for the ranges that it keeps.
///
/// What is mapped from files stays (the guard's code, the C library), and the kernel's own.
VIP_GUARD_CODE static bool is_unneeded(const struct mapping *line, uintptr_t file_end) {
  // Shared, such as the ring of a packet socket, which would live on with its mapping.
  if (line->access[3] == 's') return true;
  if (line->inode != 0) return false;
  if (line->path[0] == 0) return line->start != file_end;  // else the zeroed data of a library
  return memcmp(line->path, "[heap", 5) == 0 || memcmp(line->path, "[stac", 5) == 0
      || memcmp(line->path, "[anon", 5) == 0;
}

enum { KEPT_COUNT = 5 };

/// Gives a mapping back, except for what is kept.
VIP_GUARD_CODE static void unmap(uintptr_t start, uintptr_t end, const struct range *kept) {
  while (start < end) {
    uintptr_t stop = end;
    bool is_kept = false;
    for (int index = 0; index < KEPT_COUNT; index++) {
      if (kept[index].start <= start && start < kept[index].end) {
        start = kept[index].end;
        is_kept = true;
      } else if (start < kept[index].start && kept[index].start < stop) {
        stop = kept[index].start;
      }
    }
    if (is_kept) continue;
    syscall(SYS_munmap, start, stop - start);
    start = stop;
  }
}

extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

VIP_GUARD_CODE void vip_guard_unmap_inherited(const struct vip_guard *guard) {
  // What runs below must not have to be looked up by the dynamic linker, whose tables may be in
  // what is given back. System calls have been made before; these functions are called here.
  volatile size_t count = sizeof(struct mapping);
  struct mapping line, spare;
  memset(&line, 0, count);
  memcpy(&spare, &line, count);
  bool is_same = memcmp(&spare, &line, count) == 0;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct range kept[KEPT_COUNT] = {
      write_title(),
      {(uintptr_t)guard->area, (uintptr_t)guard->area + guard->size},
      // The stack, of which a few pages are used, and what the C library and the kernel keep for
      // a thread beside the two addresses that can be known.
      {(uintptr_t)guard - 65536, (uintptr_t)guard + 65536},
      {guard->thread - 131072, guard->thread + 131072},
      {guard->error_number - 131072, guard->error_number + 131072},
  };
  for (int index = 0; index < KEPT_COUNT; index++) {
    kept[index].start &= ~(page - 1);
    kept[index].end = (kept[index].end + page - 1) & ~(page - 1);
  }
  // A sanitizer's runtime needs all that it has.
  if (&__asan_init || &__tsan_init || !is_same) return;
  long file = syscall(
      SYS_openat, (long)AT_FDCWD, "/proc/self/maps", (long)(O_RDONLY | O_CLOEXEC), 0L);
  if (file < 0) return;
  // The kernel goes on from the address it has come to, so that mappings may go meanwhile.
  char text[1024];
  uintptr_t file_end = 0;
  long length;
  while ((length = syscall(SYS_read, file, text, (long)sizeof text)) > 0) {
    for (long place = 0; place < length; place++) {
      if (text[place] != '\n') {
        read_letter(&line, text[place]);
        continue;
      }
      if (is_unneeded(&line, file_end)) unmap(line.start, line.end, kept);
      if (line.inode != 0 && line.access[3] == 'p') file_end = line.end;
      memset(&line, 0, count);
    }
  }
  syscall(SYS_close, file);
}
