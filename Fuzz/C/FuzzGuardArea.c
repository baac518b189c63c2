// The guard's walk over an area with arbitrary contents: it ends, reads nothing outside (the address
// sanitizer sees to that), and yields nothing but VRRP packets and requests of three kinds.
//
// An input is the header (24 bytes), the number of entries (1 byte), as many entries (40 bytes each)
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
        || header.nlmsg_type == RTM_SETLINK);
    bytes += header.nlmsg_len;
    length -= header.nlmsg_len;
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
  free(area);
  return 0;
}
