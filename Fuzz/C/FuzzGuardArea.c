// The guard's walk over an area with arbitrary contents: it ends, reads nothing outside (the address
// sanitizer sees to that), and yields nothing but VRRP packets and requests of three kinds.
//
// The same of a care, which hears frames and reports that are taken from the contents too: it ends,
// sends each request of an entry once, and nothing of what is kept before its time.
//
// An input is the header (24 bytes), the number of entries (1 byte), as many entries (64 bytes each)
// and the contents. The offset of a block counts from the contents, so that most of them hit.
#include "area.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define PRECONDITION(condition) \
  do {                          \
    if (!(condition)) abort();  \
  } while (0)

enum { HEADER_SIZE = 24, ENTRY_SIZE = sizeof(struct vip_guard_entry), ENTRY_COUNT_MAX = 32 };

static size_t take(const uint8_t **data, size_t *size, void *target, size_t count) {
  if (count > *size) count = *size;
  memcpy(target, *data, count);
  *data += count;
  *size -= count;
  return count;
}

/// Whether all requests of a batch are whole and of a kind that a guard may send.
static void check_requests(const uint8_t *bytes, uint32_t length) {
  while (length > 0) {
    struct nlmsghdr header;
    PRECONDITION(length >= sizeof header);
    memcpy(&header, bytes, sizeof header);
    PRECONDITION(header.nlmsg_len >= sizeof header && header.nlmsg_len <= length);
    PRECONDITION(
        header.nlmsg_type == RTM_DELADDR || header.nlmsg_type == RTM_DELLINK
        || header.nlmsg_type == RTM_SETLINK || header.nlmsg_type == RTM_DELROUTE
        || header.nlmsg_type == RTM_DELRULE || header.nlmsg_type == NLMSG_NOOP);
    bytes += header.nlmsg_len;
    length -= header.nlmsg_len;
  }
}

static void check_deed(const struct vip_guard_deed *deed) {
  PRECONDITION(deed->length > 0);
  if (deed->what == VIP_GUARD_REMOVES) {
    PRECONDITION(deed->length <= 3500);
    check_requests(deed->bytes, deed->length);
  } else {
    PRECONDITION(deed->bytes[0] == 0x45 ? deed->bytes[9] == 112 : deed->bytes[6] == 112);
  }
}

/// Lets a care live, which hears what lies in the contents.
static void take_care(uint8_t *area, size_t area_size, uint64_t now, size_t size) {
  struct vip_guard_care care;
  struct vip_guard_deed deed;
  size_t sent = 0;
  vip_guard_care_begin(&care, area, area_size, now);
  PRECONDITION(care.kept <= care.count);
  const uint8_t *contents = area + VIP_GUARD_CONTENTS_OFFSET;
  static const uint16_t protocols[] = {0x0806, 0x0800, 0x86DD};
  for (size_t place = 0; place < size && place < 64; place++) {
    while (vip_guard_care_next(&care, now, &deed)) {
      check_deed(&deed);
      sent += deed.length;
    }
    uint32_t length = (uint32_t)(size - place);
    const struct vip_guard_frame frame = {
        protocols[place % 3], contents[place] % 4, contents + place, length};
    if (vip_guard_care_hear(&care, &frame, now, &deed)) check_deed(&deed);
    if (place % 8 == 0) {
      // In a copy of its own size: reports do not lie in the area.
      uint8_t *copy = malloc(length);
      memcpy(copy, contents + place, length);
      vip_guard_care_read_reports(&care, copy, length, 7, now);
      free(copy);
    }
    now += (uint64_t)contents[place] << 24;
  }
  uint64_t end = vip_guard_care_deadline(&care);
  PRECONDITION(end == UINT64_MAX || end <= care.end);
  while (vip_guard_care_next(&care, care.end, &deed)) {
    check_deed(&deed);
    sent += deed.length;
  }
  PRECONDITION(vip_guard_care_deadline(&care) == UINT64_MAX);
  // Packets, requests, and two for each interface.
  PRECONDITION(sent <= 3 * area_size + 2 * 52 * ENTRY_COUNT_MAX);
}

/// Lets a guard watch a node whose times lie in the contents.
static void watch(uint8_t *area, uint64_t now, const uint8_t *contents, size_t size) {
  struct vip_guard_header *header = (struct vip_guard_header *)(void *)area;
  struct vip_guard_watch watch = {0, 0};
  const uint64_t second = 1000000000;
  for (size_t place = 0; place + 16 <= size && place < 256; place += 16) {
    memcpy(&header->promise, contents + place, 8);
    memcpy(&header->tolerance, contents + place + 8, 8);
    header->rest = 0;
    uint64_t promise = header->promise;
    uint64_t next = vip_guard_watch_look(&watch, area, now);
    if (header->tolerance == 0) {
      PRECONDITION(next == UINT64_MAX);
    } else if (next == 0) {
      // Never sooner than a second after what was promised.
      PRECONDITION(now >= second && promise <= now - second);
      PRECONDITION(vip_guard_watch_rest(&watch, area, now) && vip_guard_rest(area) != 0);
    } else {
      PRECONDITION(next > now && next - now <= 600 * second);
      PRECONDITION(!vip_guard_watch_rest(&watch, area, now) && vip_guard_rest(area) == 0);
    }
    now = next == 0 || next == UINT64_MAX ? now + second : next + contents[place] * 2000000u;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct vip_guard_header header;
  memset(&header, 0, sizeof header);
  struct vip_guard_entry entries[ENTRY_COUNT_MAX];
  memset(entries, 0, sizeof entries);
  uint8_t count = 0;
  take(&data, &size, &header, HEADER_SIZE < sizeof header ? HEADER_SIZE : sizeof header);
  take(&data, &size, &count, 1);
  for (uint32_t index = 0; index < count % (ENTRY_COUNT_MAX + 1u); index++) {
    take(&data, &size, &entries[index], ENTRY_SIZE);
    entries[index].removals.offset += VIP_GUARD_CONTENTS_OFFSET;
    entries[index].farewells.offset += VIP_GUARD_CONTENTS_OFFSET;
  }
  size_t area_size = VIP_GUARD_CONTENTS_OFFSET + size;
  uint8_t *area = calloc(1, area_size);
  memcpy(area, &header, sizeof header);
  memcpy(area + VIP_GUARD_HEADER_SIZE, entries, sizeof entries);
  if (size > 0) memcpy(area + VIP_GUARD_CONTENTS_OFFSET, data, size);

  struct vip_guard_walk walk = vip_guard_walk_begin(area, area_size, header.stamp + 5, 3500);
  struct vip_guard_deed deed;
  size_t sent = 0;
  bool has_requests = false;
  while (vip_guard_walk_next(&walk, &deed)) {
    PRECONDITION(deed.length > 0 && deed.bytes >= area + VIP_GUARD_CONTENTS_OFFSET);
    PRECONDITION(deed.bytes + deed.length <= area + area_size);
    sent += deed.length;
    PRECONDITION(sent <= 2 * area_size);
    if (deed.what == VIP_GUARD_REMOVES) {
      has_requests = true;
      PRECONDITION(deed.length <= 3500);
      check_requests(deed.bytes, deed.length);
    } else {
      PRECONDITION(!has_requests);
      PRECONDITION(deed.bytes[0] == 0x45 ? deed.bytes[9] == 112 : deed.bytes[6] == 112);
    }
  }
  if (size > 0) watch(area, header.stamp % (UINT64_MAX / 2), data, size);
  take_care(area, area_size, header.stamp + 5, size);
  free(area);
  return 0;
}
