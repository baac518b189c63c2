// Tests of the guard's area: what its reader believes, and that it stays within the area. Compiled
// with the address sanitizer by CGuardTests.swift; every area and message is an allocation of
// exactly its size, so that a read beyond it is an error.
#include "area.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { CONTENTS_SIZE = 256, AREA_SIZE = VIP_GUARD_CONTENTS_OFFSET + CONTENTS_SIZE };

// MARK: Areas and messages

static uint8_t *new_area(void) { return calloc(1, AREA_SIZE); }

static struct vip_guard_header *header_of(uint8_t *area) {
  return (struct vip_guard_header *)(void *)area;
}

static struct vip_guard_entry *entry_of(uint8_t *area, uint32_t index) {
  return (struct vip_guard_entry *)(void *)(area + VIP_GUARD_HEADER_SIZE) + index;
}

static const uint8_t packet4[24] = {0x45, 0xC0, 0, 24, 0, 0, 0, 0, 255, 112, 0, 0,
                                    198,  18,   0, 1,  224, 0, 0, 18, 1, 2, 3, 4};
static const uint8_t packet6[48] = {0x60, 0, 0, 0, 0, 8, 112, 255, 0xFE, 0x80, [24] = 0xFF, 2};

struct message {
  uint8_t bytes[64];
  uint32_t length;
};

/// A message to the kernel: RTM_DELADDR with a body of `body` bytes.
static struct message address_request(uint16_t type, uint32_t body) {
  struct message message = {{0}, (uint32_t)sizeof(struct nlmsghdr) + body};
  struct nlmsghdr header = {message.length, type, NLM_F_REQUEST, 0, 0};
  memcpy(message.bytes, &header, sizeof header);
  return message;
}

/// A message about an interface, whose first attribute has some bytes.
static struct message link_request(
    uint16_t type, int index, unsigned int change, uint16_t attribute, const char *name) {
  uint16_t name_length = (uint16_t)strlen(name) + 1;
  struct rtattr first = {(uint16_t)(sizeof(struct rtattr) + name_length), attribute};
  struct ifinfomsg link = {.ifi_index = index, .ifi_change = change};
  uint32_t padded = (name_length + 3u) & ~3u;
  struct message message =
      address_request(type, (uint32_t)(sizeof link + sizeof first) + padded);
  memcpy(message.bytes + sizeof(struct nlmsghdr), &link, sizeof link);
  memcpy(message.bytes + sizeof(struct nlmsghdr) + sizeof link, &first, sizeof first);
  memcpy(
      message.bytes + sizeof(struct nlmsghdr) + sizeof link + sizeof first, name, name_length);
  return message;
}

/// `batch_length` of some bytes that lie in an allocation of their own, off any alignment.
static uint32_t batch_of(const uint8_t *bytes, uint32_t length, uint32_t limit) {
  uint8_t *copy = malloc(length + 1);
  memcpy(copy + 1, bytes, length);
  uint32_t result = vip_guard_batch_length(copy + 1, length, limit);
  free(copy);
  return result;
}

static uint32_t batch_of_one(struct message message) {
  return batch_of(message.bytes, message.length, VIP_GUARD_BATCH_SIZE);
}

static uint32_t packet_of(const uint8_t *bytes, uint32_t length) {
  uint8_t *copy = malloc(length + 1);
  memcpy(copy + 1, bytes, length);
  uint32_t result = vip_guard_packet_length(copy + 1, length);
  free(copy);
  return result;
}

// MARK: Packets

static void packets_are_whole(void) {
  CHECK(packet_of(packet4, sizeof packet4) == 24);
  CHECK(packet_of(packet6, sizeof packet6) == 48);
  for (uint32_t length = 0; length < sizeof packet4; length++) {
    CHECK(packet_of(packet4, length) == 0);
  }
  for (uint32_t length = 0; length < sizeof packet6; length++) {
    CHECK(packet_of(packet6, length) == 0);
  }
}

static void packets_are_of_vrrp(void) {
  uint8_t bytes[48];
  memcpy(bytes, packet4, sizeof packet4);
  for (int value = 0; value < 256; value++) {
    bytes[9] = (uint8_t)value;
    CHECK(packet_of(bytes, sizeof packet4) == (value == 112 ? 24 : 0));
  }
  memcpy(bytes, packet4, sizeof packet4);
  for (uint8_t length = 0; length < 20; length++) {
    bytes[3] = length;
    CHECK(packet_of(bytes, sizeof packet4) == 0);
  }
  bytes[3] = 20;
  CHECK(packet_of(bytes, sizeof packet4) == 20);
  bytes[0] = 0x46;
  CHECK(packet_of(bytes, sizeof packet4) == 0);
  memcpy(bytes, packet6, sizeof packet6);
  bytes[6] = 17;
  CHECK(packet_of(bytes, sizeof packet6) == 0);
  bytes[6] = 112;
  bytes[4] = bytes[5] = 0xFF;
  CHECK(packet_of(bytes, sizeof packet6) == 0);
}

// MARK: Requests

static void requests_are_whole(void) {
  struct message request = address_request(RTM_DELADDR, sizeof(struct ifaddrmsg));
  CHECK(batch_of_one(request) == request.length);
  for (uint32_t length = 0; length < request.length; length++) {
    CHECK(batch_of(request.bytes, length, VIP_GUARD_BATCH_SIZE) == 0);
  }
  // Every length that a header may claim, at the end of the memory.
  for (uint32_t claimed = 0; claimed < 256; claimed++) {
    request.bytes[0] = (uint8_t)claimed;
    CHECK(batch_of_one(request) == (claimed == request.length ? claimed : 0));
  }
  request.bytes[0] = (uint8_t)request.length;
  request.bytes[3] = 0xFF;
  CHECK(batch_of_one(request) == 0);
  CHECK(batch_of_one(address_request(RTM_DELADDR, sizeof(struct ifaddrmsg) + 1)) == 0);
}

static void requests_fit_a_limit(void) {
  struct message request = address_request(RTM_DELADDR, 16);
  uint8_t bytes[32 * 5];
  for (int index = 0; index < 5; index++) memcpy(bytes + 32 * index, request.bytes, 32);
  CHECK(batch_of(bytes, sizeof bytes, 0) == 0);
  CHECK(batch_of(bytes, sizeof bytes, 31) == 0);
  CHECK(batch_of(bytes, sizeof bytes, 32) == 32);
  CHECK(batch_of(bytes, sizeof bytes, 127) == 96);
  CHECK(batch_of(bytes, sizeof bytes, 128) == 128);
  CHECK(batch_of(bytes, sizeof bytes, 4096) == 160);
  bytes[64 + 4] = RTM_NEWADDR;
  CHECK(batch_of(bytes, sizeof bytes, 4096) == 64);
}

static void requests_only_remove_addresses(void) {
  for (uint16_t type = 0; type < 256; type++) {
    struct message request = address_request(type, sizeof(struct ifaddrmsg));
    // What a care has struck out the kernel passes over.
    bool is_allowed = type == RTM_DELADDR || type == NLMSG_NOOP;
    CHECK(batch_of_one(request) == (is_allowed ? request.length : 0));
  }
  CHECK(batch_of_one(address_request(RTM_DELADDR, sizeof(struct ifaddrmsg) - 4)) == 0);
  struct message request = address_request(RTM_DELADDR, sizeof(struct ifaddrmsg));
  request.bytes[6] |= NLM_F_ACK;
  CHECK(batch_of_one(request) == 0);
}

/// A message to the kernel about a route to 2001:db8::/`length`.
static struct message route_request(uint16_t type, uint8_t tag, uint8_t length) {
  struct rtmsg route = {.rtm_family = AF_INET6, .rtm_protocol = tag, .rtm_dst_len = length};
  struct message message = address_request(type, sizeof route);
  memcpy(message.bytes + sizeof(struct nlmsghdr), &route, sizeof route);
  return message;
}

static void requests_remove_no_route_of_others(void) {
  for (uint16_t tag = 0; tag < 256; tag++) {
    struct message request = route_request(RTM_DELROUTE, (uint8_t)tag, 32);
    CHECK(batch_of_one(request) == (tag == 112 ? request.length : 0));
  }
  CHECK(batch_of_one(route_request(RTM_NEWROUTE, 112, 32)) == 0);
  // A default route may be a router's, with the tag; without it another program's.
  struct message request = route_request(RTM_DELROUTE, 112, 0);
  CHECK(batch_of_one(request) == request.length);
  CHECK(batch_of_one(route_request(RTM_DELROUTE, 3, 0)) == 0);
  CHECK(batch_of_one(address_request(RTM_DELROUTE, sizeof(struct rtmsg) - 4)) == 0);
}

static void requests_touch_no_interface_but_a_macvlan(void) {
  const uint16_t types[] = {RTM_DELLINK, RTM_SETLINK, RTM_NEWLINK};
  for (int index = 0; index < 3; index++) {
    struct message request = link_request(types[index], 0, IFF_UP, IFLA_IFNAME, "vip4-1-2");
    CHECK(batch_of_one(request) == (index < 2 ? request.length : 0));
  }
  const char *others[] = {"eth0", "vip", "vip4", "vip5-1-2", "vip4_1_2", "Vip4-1-2", "wip4-1-2"};
  for (size_t index = 0; index < sizeof others / sizeof *others; index++) {
    CHECK(batch_of_one(link_request(RTM_DELLINK, 0, 0, IFLA_IFNAME, others[index])) == 0);
  }
  CHECK(batch_of_one(link_request(RTM_DELLINK, 0, 0, IFLA_IFNAME, "vip6-1-2")) > 0);
  CHECK(batch_of_one(link_request(RTM_DELLINK, 0, 0, IFLA_IFALIAS, "vip6-1-2")) == 0);
  CHECK(batch_of_one(link_request(RTM_DELLINK, 0, IFF_PROMISC, IFLA_IFNAME, "vip6-1-2")) == 0);
  CHECK(batch_of_one(link_request(RTM_DELLINK, 7, 0, IFLA_IFNAME, "vip6-1-2")) == 0);
  // With a number only the settings of a family, and nothing behind them.
  CHECK(batch_of_one(link_request(RTM_SETLINK, 7, 0, IFLA_AF_SPEC, "settings!!!")) > 0);
  CHECK(batch_of_one(link_request(RTM_SETLINK, 7, IFF_UP, IFLA_AF_SPEC, "settings!!!")) == 0);
  CHECK(batch_of_one(link_request(RTM_SETLINK, 7, 0, IFLA_MTU, "settings!!!")) == 0);
  CHECK(batch_of_one(link_request(RTM_DELLINK, 7, 0, IFLA_AF_SPEC, "settings!!!")) == 0);
  CHECK(batch_of_one(link_request(RTM_SETLINK, 7, 0, IFLA_AF_SPEC, "padded")) == 0);
  // Switching on is not switching off.
  struct message on = link_request(RTM_SETLINK, 0, IFF_UP, IFLA_IFNAME, "vip4-1-2");
  on.bytes[sizeof(struct nlmsghdr) + offsetof(struct ifinfomsg, ifi_flags)] = IFF_UP;
  CHECK(batch_of_one(on) == 0);
}

static void requests_about_links_stay_within_their_message(void) {
  struct message request = link_request(RTM_DELLINK, 0, 0, IFLA_IFNAME, "vip4-1-2");
  size_t attribute = sizeof(struct nlmsghdr) + sizeof(struct ifinfomsg);
  for (uint32_t length = 0; length < 256; length++) {
    struct message changed = request;
    changed.bytes[attribute] = (uint8_t)length;
    bool is_whole = length >= sizeof(struct rtattr) + 6 && length <= request.length - attribute;
    CHECK(batch_of_one(changed) == (is_whole ? request.length : 0));
  }
  // A message that ends with its fixed part, or within its first attribute, at the memory's end.
  for (uint32_t length = sizeof(struct nlmsghdr); length < request.length; length += 4) {
    struct message shorter = request;
    shorter.length = length;
    shorter.bytes[0] = (uint8_t)length;
    CHECK(batch_of_one(shorter) == 0);
  }
}

// MARK: Blocks

static const uint8_t *due(
    const uint8_t *area, uint32_t what, uint64_t now, uint32_t *length) {
  return vip_guard_due_block(area, AREA_SIZE, 0, what, now, length);
}

static void blocks_lie_within_the_area(void) {
  uint8_t *area = new_area();
  struct vip_guard_entry *entry = entry_of(area, 0);
  entry->flags = VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL;
  const uint32_t offsets[] = {
      0, 63, 64, VIP_GUARD_CONTENTS_OFFSET - 1, VIP_GUARD_CONTENTS_OFFSET, AREA_SIZE - 1, AREA_SIZE,
      AREA_SIZE + 1, 0x80000000u, 0xFFFFFFFFu};
  const uint32_t lengths[] = {0, 1, 2, CONTENTS_SIZE, CONTENTS_SIZE + 1, 0x80000000u, 0xFFFFFFFFu};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
      struct vip_guard_block block = {offsets[i], lengths[k], 0};
      entry->removals = entry->farewells = block;
      uint64_t end = (uint64_t)offsets[i] + lengths[k];
      bool is_inside = offsets[i] >= VIP_GUARD_CONTENTS_OFFSET && end <= AREA_SIZE;
      for (uint32_t what = VIP_GUARD_REMOVES; what <= VIP_GUARD_SAYS_FAREWELL; what++) {
        uint32_t length = 12345;
        const uint8_t *bytes = due(area, what, 0, &length);
        CHECK((bytes != NULL) == is_inside);
        CHECK(!is_inside || (bytes == area + offsets[i] && length == lengths[k]));
      }
    }
  }
  free(area);
}

static void blocks_are_due_by_their_flag_and_time(void) {
  uint8_t *area = new_area();
  uint32_t length = 0;
  const struct vip_guard_block removals = {VIP_GUARD_CONTENTS_OFFSET, 8, 0};
  const struct vip_guard_block farewells = {VIP_GUARD_CONTENTS_OFFSET + 8, 8, 30};
  vip_guard_set_block(area, 0, VIP_GUARD_REMOVES, 2, removals);
  vip_guard_set_block(area, 0, VIP_GUARD_SAYS_FAREWELL, 2, farewells);
  vip_guard_stamp(area, 1000);
  CHECK(!due(area, VIP_GUARD_REMOVES, 1000, &length));
  vip_guard_set_flags(area, 0, VIP_GUARD_REMOVES);
  CHECK(due(area, VIP_GUARD_REMOVES, 1000, &length) == area + VIP_GUARD_CONTENTS_OFFSET);
  CHECK(!due(area, VIP_GUARD_SAYS_FAREWELL, 1000, &length));
  vip_guard_set_flags(area, 0, VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL);
  CHECK(due(area, VIP_GUARD_SAYS_FAREWELL, 1030, &length) == area + VIP_GUARD_CONTENTS_OFFSET + 8);
  CHECK(!due(area, VIP_GUARD_SAYS_FAREWELL, 1031, &length));
  // The clock of another processor may be behind the stamp.
  CHECK(due(area, VIP_GUARD_SAYS_FAREWELL, 0, &length));
  // The area's limit is for requests, and only for those without one of their own.
  CHECK(due(area, VIP_GUARD_REMOVES, UINT64_MAX, &length));
  vip_guard_set_removal_limit(area, 80);
  CHECK(due(area, VIP_GUARD_REMOVES, 1080, &length));
  CHECK(!due(area, VIP_GUARD_REMOVES, 1081, &length));
  struct vip_guard_block unlimited = farewells;
  unlimited.limit = 0;
  vip_guard_set_block(area, 0, VIP_GUARD_SAYS_FAREWELL, 2, unlimited);
  CHECK(due(area, VIP_GUARD_SAYS_FAREWELL, UINT64_MAX, &length));
  struct vip_guard_block own = removals;
  own.limit = 500;
  vip_guard_set_block(area, 0, VIP_GUARD_REMOVES, 2, own);
  CHECK(due(area, VIP_GUARD_REMOVES, 1500, &length));
  CHECK(!due(area, VIP_GUARD_REMOVES, 1501, &length));
  free(area);
}

static void a_block_changes_with_its_flag_cleared(void) {
  uint8_t *area = new_area();
  const struct vip_guard_block block = {VIP_GUARD_CONTENTS_OFFSET, 8, 7};
  vip_guard_set_flags(area, 5, VIP_GUARD_SAYS_FAREWELL);
  vip_guard_set_block(area, 5, VIP_GUARD_REMOVES, 3, block);
  struct vip_guard_entry *entry = entry_of(area, 5);
  CHECK(entry->flags == VIP_GUARD_SAYS_FAREWELL && entry->interface_index == 3);
  CHECK(entry->removals.length == 8 && entry->removals.limit == 7);
  CHECK(entry->farewells.length == 0);
  CHECK(header_of(area)->entry_count == 6);
  free(area);
}

/// The node's death between any two instructions of a change: a child makes it step by step.
static void a_node_may_die_within_a_change(void) {
  uint8_t *area = vip_guard_area_create(AREA_SIZE);
  const uint32_t start = VIP_GUARD_CONTENTS_OFFSET;
  memcpy(area + start, packet4, 24);
  memcpy(area + start + 24, packet6, 48);
  vip_guard_stamp(area, 1000);
  vip_guard_set_block(
      area, 0, VIP_GUARD_SAYS_FAREWELL, 2, (struct vip_guard_block){start, 24, 30});
  vip_guard_set_flags(area, 0, VIP_GUARD_SAYS_FAREWELL | VIP_GUARD_KEEPS);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    vip_guard_set_block(
        area, 0, VIP_GUARD_SAYS_FAREWELL, 2, (struct vip_guard_block){start + 24, 48, 10});
    vip_guard_stamp(area, 1010);
    _exit(0);
  }
  int status = 0, steps = 0, changes = 0;
  bool was_due = true;
  while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    // The old packet is due at this time, the new one not until the stamp has moved, too.
    struct vip_guard_walk walk = vip_guard_walk_begin(area, AREA_SIZE, 1020, 3500);
    struct vip_guard_deed deed;
    bool is_due = vip_guard_walk_next(&walk, &deed), has_moved = header_of(area)->stamp == 1010;
    CHECK(!is_due || deed.length == (has_moved ? 48 : 24));
    CHECK(!is_due || !vip_guard_walk_next(&walk, &deed));
    // What is kept is known by its packet, which may be half a new one now.
    uint32_t flags = entry_of(area, 0)->flags;
    CHECK(!(flags & VIP_GUARD_KEEPS) || flags & VIP_GUARD_SAYS_FAREWELL);
    changes += is_due != was_due;
    was_due = is_due;
    steps++;
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0) break;
  }
  // Due, not due, due again.
  CHECK(WIFEXITED(status));
  CHECK(changes == 2 && steps > 20);
  vip_guard_area_destroy(area, AREA_SIZE);
}

// MARK: Walks

static void a_walk_sends_packets_first(void) {
  uint8_t *area = new_area();
  struct message request = address_request(RTM_DELADDR, 16);
  for (uint32_t index = 0; index < 2; index++) {
    uint32_t offset = VIP_GUARD_CONTENTS_OFFSET + index * 112;
    memcpy(area + offset, request.bytes, 32);
    memcpy(area + offset + 32, request.bytes, 32);
    memcpy(area + offset + 64, packet4, 24);
    memcpy(area + offset + 88, packet4, 24);
    vip_guard_set_block(
        area, index, VIP_GUARD_REMOVES, 0, (struct vip_guard_block){offset, 64, 0});
    vip_guard_set_block(
        area, index, VIP_GUARD_SAYS_FAREWELL, 7 + (int32_t)index,
        (struct vip_guard_block){offset + 64, 48, 0});
    vip_guard_set_flags(area, index, VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL);
  }
  struct vip_guard_walk walk = vip_guard_walk_begin(area, AREA_SIZE, 0, 32);
  struct vip_guard_deed deed;
  for (int count = 0; count < 8; count++) {
    CHECK(vip_guard_walk_next(&walk, &deed));
    CHECK(deed.what == (count < 4 ? VIP_GUARD_SAYS_FAREWELL : VIP_GUARD_REMOVES));
    CHECK(deed.length == (count < 4 ? 24 : 32));
    CHECK(count >= 4 || deed.interface_index == 7 + count / 2);
  }
  CHECK(!vip_guard_walk_next(&walk, &deed));
  CHECK(!vip_guard_walk_next(&walk, &deed));
  free(area);
}

static void a_walk_of_overlapping_blocks_ends_after_the_size_of_the_area(void) {
  uint8_t *area = new_area();
  struct message request = address_request(RTM_DELADDR, 16);
  for (uint32_t offset = 0; offset < CONTENTS_SIZE; offset += 32) {
    memcpy(area + VIP_GUARD_CONTENTS_OFFSET + offset, request.bytes, 32);
  }
  memcpy(area + AREA_SIZE - sizeof packet4, packet4, sizeof packet4);
  header_of(area)->entry_count = UINT32_MAX;
  for (uint32_t index = 0; index < VIP_GUARD_ENTRY_COUNT; index++) {
    entry_of(area, index)->flags = VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL;
    entry_of(area, index)->removals =
        (struct vip_guard_block){VIP_GUARD_CONTENTS_OFFSET, CONTENTS_SIZE - 32, 0};
    entry_of(area, index)->farewells =
        (struct vip_guard_block){AREA_SIZE - sizeof packet4, sizeof packet4, 0};
  }
  struct vip_guard_walk walk = vip_guard_walk_begin(area, AREA_SIZE, 0, 32);
  struct vip_guard_deed deed;
  size_t bytes[3] = {0, 0, 0};
  while (bytes[1] + bytes[2] <= 4 * AREA_SIZE && vip_guard_walk_next(&walk, &deed)) {
    bytes[deed.what] += deed.length;
  }
  CHECK(bytes[VIP_GUARD_SAYS_FAREWELL] == VIP_GUARD_ENTRY_COUNT * sizeof packet4);
  CHECK(bytes[VIP_GUARD_REMOVES] > AREA_SIZE - 32 && bytes[VIP_GUARD_REMOVES] <= AREA_SIZE);
  free(area);
}

static void a_walk_ends_with_the_last_entry(void) {
  // The entry behind the last would lie in the contents.
  uint8_t *area = new_area();
  header_of(area)->entry_count = VIP_GUARD_ENTRY_COUNT + 1;
  struct vip_guard_entry entry = {
      VIP_GUARD_SAYS_FAREWELL, 1, {0, 0, 0}, {VIP_GUARD_CONTENTS_OFFSET + 40, 24, 0}, 0, 0, 0, 0};
  memcpy(area + VIP_GUARD_CONTENTS_OFFSET, &entry, sizeof entry);
  memcpy(area + VIP_GUARD_CONTENTS_OFFSET + 40, packet4, sizeof packet4);
  struct vip_guard_walk walk = vip_guard_walk_begin(area, AREA_SIZE, 0, 3500);
  struct vip_guard_deed deed;
  CHECK(!vip_guard_walk_next(&walk, &deed));
  // With bytes behind the packet that are none.
  entry.farewells.length += 64;
  *entry_of(area, VIP_GUARD_ENTRY_COUNT - 1) = entry;
  walk = vip_guard_walk_begin(area, AREA_SIZE, 0, 3500);
  CHECK(vip_guard_walk_next(&walk, &deed));
  CHECK(!vip_guard_walk_next(&walk, &deed));
  CHECK(!vip_guard_walk_next(&walk, &deed));
  free(area);
}

static void a_walk_stays_within_a_spoilt_area(void) {
  uint8_t *area = new_area();
  for (int round = 0; round < 20000; round++) {
    header_of(area)->entry_count = random_below(8);
    for (uint32_t index = 0; index < 8; index++) {
      struct vip_guard_entry *entry = entry_of(area, index);
      entry->flags = random_below(4);
      struct vip_guard_block *blocks[] = {&entry->removals, &entry->farewells};
      for (int which = 0; which < 2; which++) {
        blocks[which]->offset = VIP_GUARD_CONTENTS_OFFSET - 4 + random_below(CONTENTS_SIZE + 8);
        blocks[which]->length = random_below(CONTENTS_SIZE + 8);
        blocks[which]->limit = random_below(3);
      }
    }
    uint8_t *contents = area + VIP_GUARD_CONTENTS_OFFSET;
    for (int piece = 0; piece < 6; piece++) {
      struct message messages[] = {
          address_request(RTM_DELADDR, 8 + 4 * random_below(4)),
          link_request(RTM_SETLINK, 0, IFF_UP, IFLA_IFNAME, "vip4-1-2"),
          link_request(RTM_SETLINK, 7, 0, IFLA_AF_SPEC, "settings!!!")};
      uint32_t place = random_below(CONTENTS_SIZE - 64);
      uint32_t kind = random_below(5);
      if (kind == 3) memcpy(contents + place, packet4, sizeof packet4);
      else if (kind == 4) memcpy(contents + place, packet6, sizeof packet6);
      else memcpy(contents + place, messages[kind].bytes, messages[kind].length);
      contents[random_below(CONTENTS_SIZE)] = (uint8_t)random_below(256);
    }
    struct vip_guard_walk walk = vip_guard_walk_begin(area, AREA_SIZE, random_below(3), 64);
    struct vip_guard_deed deed;
    size_t bytes = 0;
    while (bytes <= 4 * AREA_SIZE && vip_guard_walk_next(&walk, &deed)) {
      CHECK(deed.length > 0 && deed.bytes >= contents);
      CHECK(deed.bytes + deed.length <= area + AREA_SIZE);
      bytes += deed.length > 0 ? deed.length : 4 * AREA_SIZE;
    }
    CHECK(bytes <= 2 * AREA_SIZE);
  }
  free(area);
}

int main(void) {
  packets_are_whole();
  packets_are_of_vrrp();
  requests_are_whole();
  requests_fit_a_limit();
  requests_only_remove_addresses();
  requests_remove_no_route_of_others();
  requests_touch_no_interface_but_a_macvlan();
  requests_about_links_stay_within_their_message();
  blocks_lie_within_the_area();
  blocks_are_due_by_their_flag_and_time();
  a_block_changes_with_its_flag_cleared();
  a_node_may_die_within_a_change();
  a_walk_sends_packets_first();
  a_walk_of_overlapping_blocks_ends_after_the_size_of_the_area();
  a_walk_ends_with_the_last_entry();
  a_walk_stays_within_a_spoilt_area();
  return finish();
}
