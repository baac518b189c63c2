// Tests of what a guard does from its node's death on: what is sent when, and what it hears.
// Compiled with sanitizers by CGuardTests.swift; areas and frames are allocations of their size.
#include "requests.h"

#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <stdbool.h>
#include <stdlib.h>

#include "check.h"

enum {
  ROOM = 4096,
  AREA_SIZE = VIP_GUARD_CONTENTS_OFFSET + ROOM,
  INTERFACE = 5,
  KEEP = 1000,
  PATIENCE = 200,
  START = 50000,
};

// MARK: Areas

static const uint8_t packet4[28] = {0x45, 0xC0, 0, 28, 0,   0, 0,  0,  255,  112, 0, 0, 198, 18,
                                    0,    1,    224, 0, 0, 18, 0x31, 51, 0, 1, 0, 100, 0, 0};
static const uint8_t packet6[48] = {
    0x60, 0, 0, 0, 0, 8, 112, 255, 0xFE, 0x80, [23] = 1, [24] = 0xFF, 2, [39] = 0x12,
    [40] = 0x31, 51};

/// Writes the request that removes an address; returns its length.
static uint32_t put_removal(
    uint8_t *place, int32_t interface_index, uint8_t family, const uint8_t *address) {
  uint8_t size = family == 2 ? 4 : 16;
  uint32_t length = 16 + 8 + 4 + size;
  struct nlmsghdr header = {length, RTM_DELADDR, NLM_F_REQUEST, 0, 0};
  uint8_t body[8] = {family, family == 2 ? 24 : 64};
  struct rtattr local = {(uint16_t)(4 + size), 2};
  memcpy(body + 4, &interface_index, 4);
  memcpy(place, &header, sizeof header);
  memcpy(place + 16, body, sizeof body);
  memcpy(place + 24, &local, sizeof local);
  memcpy(place + 28, address, size);
  return length;
}

/// Writes the request that removes a route of a node; returns its length.
static uint32_t put_route(uint8_t *place) {
  struct nlmsghdr header = {16 + sizeof(struct rtmsg), RTM_DELROUTE, NLM_F_REQUEST, 0, 0};
  struct rtmsg route = {.rtm_family = 2, .rtm_dst_len = 24, .rtm_protocol = 112};
  memcpy(place, &header, sizeof header);
  memcpy(place + sizeof header, &route, sizeof route);
  return header.nlmsg_len;
}

static void make_address(uint8_t *address, uint32_t number) {
  memset(address, 0, 16);
  address[0] = 198;
  address[1] = 18;
  address[2] = (uint8_t)(number >> 8);
  address[3] = (uint8_t)number;
}

enum {
  DUE = VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL,
  KEPT = VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL | VIP_GUARD_KEEPS,
};

/// Adds a router with some addresses and a route to an area.
static void add_router(
    uint8_t *area, uint32_t index, uint32_t offset, uint32_t first, uint32_t count,
    uint32_t flags) {
  uint8_t address[16];
  uint32_t start = VIP_GUARD_CONTENTS_OFFSET + offset;
  memcpy(area + start, packet4, sizeof packet4);
  uint32_t place = start + 32;
  for (uint32_t number = first; number < first + count; number++) {
    make_address(address, number);
    place += put_removal(area + place, INTERFACE, 2, address);
  }
  place += put_route(area + place);
  vip_guard_set_block(
      area, index, VIP_GUARD_SAYS_FAREWELL, INTERFACE,
      (struct vip_guard_block){start, sizeof packet4, 300});
  vip_guard_set_block(
      area, index, VIP_GUARD_REMOVES, INTERFACE,
      (struct vip_guard_block){start + 32, place - start - 32, 5000});
  vip_guard_set_times(area, index, KEEP, PATIENCE);
  vip_guard_set_flags(area, index, flags);
}

static uint8_t *area_with(uint32_t count, uint32_t flags) {
  uint8_t *area = calloc(1, AREA_SIZE);
  vip_guard_stamp(area, START);
  add_router(area, 0, 0, 1, count, flags);
  return area;
}

// MARK: Deeds

/// What a care has done.
struct done {
  uint32_t packets, removals, routes, others, promotions, restores;
  /// The last address that was removed.
  uint8_t last;
};

static void count_deed(struct done *done, const struct vip_guard_deed *deed) {
  if (deed->what == VIP_GUARD_SAYS_FAREWELL) {
    done->packets++;
    return;
  }
  const uint8_t *bytes = deed->bytes;
  CHECK(deed->length <= VIP_GUARD_BATCH_SIZE);
  for (uint32_t rest = deed->length; rest > 0;) {
    struct nlmsghdr header;
    CHECK(rest >= sizeof header);
    memcpy(&header, bytes, sizeof header);
    CHECK(header.nlmsg_len >= sizeof header && header.nlmsg_len <= rest);
    if (header.nlmsg_type == RTM_DELADDR) {
      done->removals++;
      done->last = bytes[31];
    } else if (header.nlmsg_type == RTM_DELROUTE) {
      done->routes++;
    } else if (header.nlmsg_type == RTM_SETLINK && header.nlmsg_len == 52) {
      if (bytes[48] == 1) done->promotions++;
      else done->restores++;
    } else if (header.nlmsg_type != NLMSG_NOOP) {
      done->others++;
    }
    bytes += header.nlmsg_len;
    rest -= header.nlmsg_len;
  }
}

/// Does what is due at a moment.
static struct done act(struct vip_guard_care *care, uint64_t now) {
  struct done done = {0, 0, 0, 0, 0, 0, 0};
  struct vip_guard_deed deed;
  while (vip_guard_care_next(care, now, &deed)) count_deed(&done, &deed);
  return done;
}

/// Hears a frame that lies in an allocation of its own size; returns the last byte of the address
/// that is to be removed, 0 for none.
static uint32_t hear(
    struct vip_guard_care *care, uint16_t protocol, int32_t interface_index, const uint8_t *bytes,
    uint32_t length, uint64_t now) {
  uint8_t *copy = malloc(length + 1);
  memcpy(copy + 1, bytes, length);
  struct vip_guard_frame frame = {protocol, interface_index, copy + 1, length};
  struct vip_guard_deed deed;
  struct done done = {0, 0, 0, 0, 0, 0, 0};
  if (vip_guard_care_hear(care, &frame, now, &deed)) {
    CHECK(deed.what == VIP_GUARD_REMOVES);
    count_deed(&done, &deed);
    CHECK(done.removals == 1 && done.routes + done.others == 0);
  }
  free(copy);
  return done.removals > 0 ? done.last : 0;
}

static uint32_t announce(struct vip_guard_care *care, uint32_t number, uint64_t now) {
  uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9};
  uint8_t address[16];
  make_address(address, number);
  memcpy(arp + 14, address, 4);
  memcpy(arp + 24, address, 4);
  return hear(care, ETH_P_ARP, INTERFACE, arp, sizeof arp, now);
}

static void advertise(struct vip_guard_care *care, uint8_t priority, uint64_t now) {
  uint8_t packet[28];
  memcpy(packet, packet4, sizeof packet);
  packet[15] = 2;
  packet[22] = priority;
  CHECK(hear(care, ETH_P_IP, INTERFACE, packet, sizeof packet, now) == 0);
}

static bool is_over(const struct vip_guard_care *care) {
  return vip_guard_care_deadline(care) == UINT64_MAX;
}

// MARK: Times

static void what_is_not_kept_goes_at_once(void) {
  uint8_t *area = area_with(3, DUE);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  struct done done = act(&care, START);
  CHECK(done.packets == 1 && done.removals == 3 && done.routes == 1 && is_over(&care));
  CHECK(announce(&care, 1, START) == 0);
  free(area);
}

static void what_is_kept_goes_with_its_announcement(void) {
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  struct done done = act(&care, START);
  CHECK(done.packets == 1 && done.removals + done.routes == 0);
  CHECK(vip_guard_care_deadline(&care) == START + KEEP);
  CHECK(announce(&care, 4, START) == 0);
  CHECK(announce(&care, 2, START) == 2);
  CHECK(announce(&care, 2, START) == 0);
  CHECK(announce(&care, 1, START) == 1);
  done = act(&care, START + 1);
  CHECK(done.packets + done.removals + done.routes == 0);
  // With the last address go the routes.
  CHECK(announce(&care, 3, START + 1) == 3);
  CHECK(vip_guard_care_deadline(&care) <= START + 1);
  done = act(&care, START + 1);
  CHECK(done.removals == 0 && done.routes == 1 && is_over(&care));
  free(area);
}

static void without_a_successor_all_goes_in_the_end(void) {
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  act(&care, START);
  CHECK(announce(&care, 2, START) == 2);
  struct done done = act(&care, START + KEEP - 1);
  CHECK(done.removals == 0 && !is_over(&care));
  done = act(&care, START + KEEP);
  CHECK(done.removals == 2 && done.routes == 1 && is_over(&care));
  free(area);
}

static void a_successor_is_given_its_time_once(void) {
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  act(&care, START);
  advertise(&care, 100, START + 900);
  CHECK(vip_guard_care_deadline(&care) <= START + 900 + PATIENCE);
  struct done done = act(&care, START + KEEP);
  CHECK(done.removals == 0);
  CHECK(vip_guard_care_deadline(&care) == START + 900 + PATIENCE);
  advertise(&care, 100, START + 1000);
  done = act(&care, START + 900 + PATIENCE);
  CHECK(done.removals == 3 && is_over(&care));
  free(area);
  // A virtual Ethernet address can't be at two places: released by the advertisement.
  area = area_with(3, KEPT);
  vip_guard_set_times(area, 0, KEEP, 0);
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  act(&care, START);
  advertise(&care, 1, START + 10);
  done = act(&care, START + 10);
  CHECK(done.removals == 3 && is_over(&care));
  free(area);
}

static void times_are_bounded(void) {
  static const uint64_t times[] = {UINT64_MAX, UINT64_MAX - START, 1ull << 60};
  for (int index = 0; index < 3; index++) {
    uint8_t *area = area_with(3, KEPT);
    vip_guard_set_times(area, 0, times[index], times[index]);
    struct vip_guard_care care;
    vip_guard_care_begin(&care, area, AREA_SIZE, START);
    act(&care, START);
    uint64_t end = START + 512 * 1000000000ull;
    CHECK(vip_guard_care_deadline(&care) == end);
    advertise(&care, 100, START + 900);
    CHECK(act(&care, end - 1).removals == 0);
    CHECK(act(&care, end).removals == 3 && is_over(&care));
    free(area);
  }
}

static void a_deaf_guard_keeps_nothing(void) {
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  vip_guard_care_hurry(&care, START);
  struct done done = act(&care, START);
  CHECK(done.packets == 1 && done.removals == 3 && done.routes == 1 && is_over(&care));
  free(area);
}

static void a_node_that_was_frozen_has_nothing_to_keep(void) {
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START + 301);
  CHECK(care.kept == 0);
  struct done done = act(&care, START + 301);
  CHECK(done.packets == 0 && done.removals == 3 && is_over(&care));
  // A router whose successor is on its way already says no farewell, but keeps.
  vip_guard_set_flags(area, 0, VIP_GUARD_REMOVES | VIP_GUARD_KEEPS);
  vip_guard_care_begin(&care, area, AREA_SIZE, START + 300);
  done = act(&care, START + 300);
  CHECK(care.kept == 1 && done.packets == 0 && done.removals == 0);
  free(area);
}

static void a_router_without_addresses_has_nothing_to_keep(void) {
  uint8_t *area = area_with(0, KEPT | VIP_GUARD_PROMOTES);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  struct done done = act(&care, START);
  CHECK(care.kept == 0 && done.packets == 1 && done.routes == 1 && is_over(&care));
  CHECK(done.promotions == 1 && done.restores == 1);
  free(area);
}

static void routers_are_kept_one_by_one(void) {
  uint8_t *area = area_with(3, KEPT);
  add_router(area, 1, 1024, 10, 2, DUE);
  add_router(area, 2, 2048, 20, 2, KEPT);
  vip_guard_set_times(area, 2, KEEP / 2, PATIENCE);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  CHECK(care.kept == 2);
  struct done done = act(&care, START);
  CHECK(done.packets == 3 && done.removals == 2 && done.last == 11);
  CHECK(announce(&care, 20, START) == 20);
  CHECK(announce(&care, 1, START) == 1);
  CHECK(act(&care, START + KEEP / 2).removals == 1);
  CHECK(vip_guard_care_deadline(&care) == START + KEEP);
  CHECK(act(&care, START + KEEP).removals == 2 && is_over(&care));
  free(area);
}

static void other_addresses_of_a_subnet_are_spared(void) {
  uint8_t *area = area_with(3, KEPT | VIP_GUARD_PROMOTES);
  add_router(area, 1, 1024, 10, 2, DUE);
  struct vip_guard_care care;
  struct vip_guard_deed deed;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  struct done done = {0, 0, 0, 0, 0, 0, 0};
  // Switched on before anything is removed.
  while (done.removals == 0 && vip_guard_care_next(&care, START, &deed)) count_deed(&done, &deed);
  CHECK(done.promotions == 1 && done.restores == 0);
  done = act(&care, START);
  CHECK(done.restores == 0);
  done = act(&care, START + KEEP);
  CHECK(done.removals == 3 && done.promotions == 0 && done.restores == 1 && is_over(&care));
  // The request is one that a walk would yield, too.
  CHECK(vip_guard_batch_length(care.request, 52, VIP_GUARD_BATCH_SIZE) == 52);
  free(area);
}

// MARK: Hearing

static void only_the_group_is_a_successor(void) {
  static const struct {
    uint32_t place;
    uint8_t value;
  } changes[] = {{0, 0x46}, {0, 0x65}, {8, 254}, {9, 17}, {20, 0x41}, {20, 0x32},
                 {21, 52},  {22, 0},   {15, 1}};
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  act(&care, START);
  uint8_t packet[28];
  for (uint32_t index = 0; index <= sizeof changes / sizeof changes[0]; index++) {
    memcpy(packet, packet4, sizeof packet);
    packet[15] = 2;
    packet[22] = 100;
    bool is_whole = index == sizeof changes / sizeof changes[0];
    if (!is_whole) packet[changes[index].place] = changes[index].value;
    hear(&care, ETH_P_IP, INTERFACE, packet, sizeof packet, START + 1);
    CHECK(vip_guard_care_deadline(&care) == START + (is_whole ? 1 + PATIENCE : KEEP));
    if (is_whole) continue;
    memcpy(packet, packet4, sizeof packet);
    packet[15] = 2;
    packet[22] = 100;
    hear(&care, ETH_P_IP, INTERFACE + 1, packet, sizeof packet, START + 1);
    hear(&care, ETH_P_IPV6 + 1, INTERFACE, packet, sizeof packet, START + 1);
    for (uint32_t length = 0; length < 24; length++) {
      hear(&care, ETH_P_IP, INTERFACE, packet, length, START + 1);
    }
    CHECK(vip_guard_care_deadline(&care) == START + KEEP);
  }
  free(area);
}

static void only_whole_announcements_count(void) {
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  act(&care, START);
  uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 198, 18, 0, 1};
  for (uint32_t length = 0; length < sizeof arp; length++) {
    CHECK(hear(&care, ETH_P_ARP, INTERFACE, arp, length, START) == 0);
  }
  for (uint32_t place = 0; place < 6; place++) {
    arp[place] ^= 1;
    CHECK(hear(&care, ETH_P_ARP, INTERFACE, arp, sizeof arp, START) == 0);
    arp[place] ^= 1;
  }
  CHECK(hear(&care, ETH_P_ARP, INTERFACE + 1, arp, sizeof arp, START) == 0);
  CHECK(hear(&care, ETH_P_IP, INTERFACE, arp, sizeof arp, START) == 0);
  // A probe has no sender, and a question about an address is none by it.
  memset(arp + 14, 0, 4);
  memcpy(arp + 24, (uint8_t[4]){198, 18, 0, 1}, 4);
  CHECK(hear(&care, ETH_P_ARP, INTERFACE, arp, sizeof arp, START) == 0);
  memcpy(arp + 14, arp + 24, 4);
  CHECK(hear(&care, ETH_P_ARP, INTERFACE, arp, sizeof arp, START) == 1);
  free(area);
}

static void ipv6_is_heard_too(void) {
  uint8_t *area = calloc(1, AREA_SIZE);
  uint8_t address[16] = {0x20, 1, 0x0D, 0xB8, [15] = 16};
  vip_guard_stamp(area, START);
  uint32_t start = VIP_GUARD_CONTENTS_OFFSET;
  memcpy(area + start, packet6, sizeof packet6);
  uint32_t length = put_removal(area + start + 48, INTERFACE, 10, address);
  address[15] = 17;
  length += put_removal(area + start + 48 + length, INTERFACE, 10, address);
  vip_guard_set_block(
      area, 0, VIP_GUARD_SAYS_FAREWELL, INTERFACE,
      (struct vip_guard_block){start, sizeof packet6, 300});
  vip_guard_set_block(
      area, 0, VIP_GUARD_REMOVES, INTERFACE, (struct vip_guard_block){start + 48, length, 0});
  vip_guard_set_times(area, 0, KEEP, PATIENCE);
  vip_guard_set_flags(area, 0, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  CHECK(act(&care, START).packets == 1);
  uint8_t neighbour[72] = {0x60, 0, 0, 0, 0, 32, 58, 255, [40] = 136};
  memcpy(neighbour + 48, address, 16);
  for (uint32_t size = 0; size < 64; size++) {
    CHECK(hear(&care, ETH_P_IPV6, INTERFACE, neighbour, size, START) == 0);
  }
  neighbour[7] = 254;
  CHECK(hear(&care, ETH_P_IPV6, INTERFACE, neighbour, sizeof neighbour, START) == 0);
  neighbour[7] = 255;
  neighbour[40] = 135;
  CHECK(hear(&care, ETH_P_IPV6, INTERFACE, neighbour, sizeof neighbour, START) == 0);
  neighbour[40] = 136;
  struct vip_guard_frame frame = {ETH_P_IPV6, INTERFACE, neighbour, sizeof neighbour};
  struct vip_guard_deed deed;
  CHECK(vip_guard_care_hear(&care, &frame, START, &deed) && deed.bytes[43] == 17);
  uint8_t packet[48];
  memcpy(packet, packet6, sizeof packet);
  packet[23] = 2;
  packet[42] = 100;
  hear(&care, ETH_P_IPV6, INTERFACE, packet, sizeof packet, START + 5);
  CHECK(vip_guard_care_deadline(&care) == START + 5 + PATIENCE);
  CHECK(act(&care, START + 5 + PATIENCE).removals == 1 && is_over(&care));
  free(area);
}

static void many_are_found_in_any_order(void) {
  enum { COUNT = 20000 };
  size_t size = VIP_GUARD_CONTENTS_OFFSET + COUNT * 32 + 4096;
  for (int order = 0; order < 2; order++) {
    uint8_t *area = calloc(1, size);
    vip_guard_stamp(area, START);
    add_router(area, 0, 0, 1, COUNT, KEPT);
    struct vip_guard_care care;
    vip_guard_care_begin(&care, area, size, START);
    act(&care, START);
    uint32_t removed = 0;
    for (uint32_t number = 1; number <= COUNT; number++) {
      uint32_t wanted = order == 0 ? number : COUNT + 1 - number;
      uint32_t found = announce(&care, wanted, START);
      removed += found == (wanted & 0xFF) || (wanted & 0xFF) == 0;
    }
    CHECK(removed == COUNT);
    struct done done = act(&care, START);
    CHECK(done.removals == 0 && done.routes == 1 && is_over(&care));
    free(area);
  }
}

// MARK: Reports

static void what_another_program_puts_up_is_its_own(void) {
  uint8_t *area = area_with(3, KEPT);
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  act(&care, START);
  uint8_t address[16];
  make_address(address, 2);
  vip_guard_care_retake(&care, INTERFACE + 1, 2, 24, address);
  vip_guard_care_retake(&care, INTERFACE, 2, 25, address);
  CHECK(announce(&care, 2, START) == 2);
  make_address(address, 3);
  vip_guard_care_retake(&care, INTERFACE, 2, 24, address);
  CHECK(announce(&care, 3, START) == 0);
  // Neither it nor a route to its subnet is removed.
  struct done done = act(&care, START + KEEP);
  CHECK(done.removals == 1 && done.last == 1 && done.routes == 0 && is_over(&care));
  free(area);
  // Nor when it was the last.
  area = area_with(1, KEPT);
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  act(&care, START);
  make_address(address, 1);
  vip_guard_care_retake(&care, INTERFACE, 2, 24, address);
  done = act(&care, START);
  CHECK(done.removals + done.routes == 0 && is_over(&care));
  free(area);
}

static void reports_are_read_with_suspicion(void) {
  struct {
    uint32_t port;
    uint16_t type;
    bool counts;
  } cases[] = {{7, RTM_NEWADDR, false}, {0, RTM_NEWADDR, false}, {8, RTM_DELADDR, false},
               {8, RTM_NEWADDR, true}};
  for (int index = 0; index < 4; index++) {
    for (uint32_t cut = 0; cut < 34; cut++) {
      uint8_t *area = area_with(1, KEPT);
      struct vip_guard_care care;
      vip_guard_care_begin(&care, area, AREA_SIZE, START);
      act(&care, START);
      uint8_t address[16], message[64];
      make_address(address, 1);
      uint32_t length = put_removal(message, INTERFACE, 2, address);
      struct nlmsghdr header = {length, cases[index].type, 0, 1, cases[index].port};
      // Also one that says it is shorter.
      if (cut == 33) header.nlmsg_len = 20;
      memcpy(message, &header, sizeof header);
      uint32_t size = cut < 33 ? length - cut : length;
      uint8_t *copy = malloc(size + 1);
      memcpy(copy + 1, message, size);
      vip_guard_care_read_reports(&care, copy + 1, size, 7, START);
      free(copy);
      bool is_retaken = act(&care, START).removals == 0 && is_over(&care);
      CHECK(is_retaken == (cut == 0 && cases[index].counts));
      free(area);
    }
  }
}

static void a_report_of_an_ipv6_address_names_no_program(void) {
  for (uint32_t port = 0; port <= 7; port += 7) {
    uint8_t *area = area_with(1, KEPT);
    uint8_t address[16] = {0x20, 1, 0xd, 0xb8, [15] = 1}, message[64];
    uint32_t length = put_removal(message, INTERFACE, 10, address);
    memcpy(area + VIP_GUARD_CONTENTS_OFFSET + 32, message, length);
    vip_guard_set_block(
        area, 0, VIP_GUARD_REMOVES, INTERFACE,
        (struct vip_guard_block){VIP_GUARD_CONTENTS_OFFSET + 32, length, 5000});
    struct vip_guard_care care;
    vip_guard_care_begin(&care, area, AREA_SIZE, START);
    act(&care, START);
    struct nlmsghdr header = {length, RTM_NEWADDR, 0, 0, port};
    memcpy(message, &header, sizeof header);
    vip_guard_care_read_reports(&care, message, length, 7, START);
    bool is_retaken = act(&care, START).removals == 0 && is_over(&care);
    CHECK(is_retaken == (port == 0));
    free(area);
  }
}

static void a_macvlan_that_is_gone_is_not_waited_for(void) {
  uint8_t *area = area_with(1, KEPT);
  // A request that names a macvlan.
  uint8_t request[48] = {48, [4] = RTM_SETLINK, [6] = NLM_F_REQUEST};
  uint8_t name[12] = "vip4-5-51";
  struct rtattr attribute = {4 + 10, IFLA_IFNAME};
  memcpy(request + 32, &attribute, sizeof attribute);
  memcpy(request + 36, name, sizeof name);
  memcpy(area + VIP_GUARD_CONTENTS_OFFSET + 32, request, sizeof request);
  vip_guard_set_block(
      area, 0, VIP_GUARD_REMOVES, INTERFACE,
      (struct vip_guard_block){VIP_GUARD_CONTENTS_OFFSET + 32, sizeof request, UINT64_MAX});
  struct vip_guard_care care;
  vip_guard_care_begin(&care, area, AREA_SIZE, START);
  CHECK(act(&care, START).others == 0 && care.kept == 1);
  uint8_t report[48];
  memcpy(report, request, sizeof report);
  report[4] = RTM_DELLINK;
  report[44]++;  // The last letter.
  vip_guard_care_read_reports(&care, report, sizeof report, 7, START);
  CHECK(act(&care, START).others == 0);
  report[44]--;
  for (uint32_t length = 0; length < sizeof report; length++) {
    vip_guard_care_read_reports(&care, report, length, 7, START);
  }
  CHECK(act(&care, START).others == 0);
  vip_guard_care_read_reports(&care, report, sizeof report, 7, START);
  CHECK(act(&care, START).others == 1 && is_over(&care));
  free(area);
}

// MARK: Suspicion

static void spoil(uint8_t *area, uint32_t count) {
  for (uint32_t index = 0; index < count; index++) {
    uint32_t place = random_below(2) ? random_below(VIP_GUARD_HEADER_SIZE + 3 * 64)
                                     : VIP_GUARD_CONTENTS_OFFSET + random_below(ROOM);
    area[place] = (uint8_t)random_below(256);
  }
}

static void a_care_of_a_spoilt_area_ends(void) {
  for (int round = 0; round < 20000; round++) {
    uint8_t *area = area_with(1 + random_below(20), KEPT | VIP_GUARD_PROMOTES);
    add_router(area, 1, 1024, 30, 5, random_below(2) ? KEPT : DUE);
    spoil(area, random_below(20));
    struct vip_guard_care care;
    vip_guard_care_begin(&care, area, AREA_SIZE, START);
    CHECK(care.kept <= care.count);
    uint64_t now = START;
    act(&care, now);
    for (int event = 0; event < 30; event++) {
      now += random_below(100);
      switch (random_below(4)) {
      case 0: announce(&care, 1 + random_below(40), now); break;
      case 1: advertise(&care, (uint8_t)random_below(256), now); break;
      case 2: spoil(area, 2); break;
      default: act(&care, now);
      }
    }
    act(&care, UINT64_MAX - 1);
    CHECK(is_over(&care));
    free(area);
  }
}

int main(void) {
  what_is_not_kept_goes_at_once();
  what_is_kept_goes_with_its_announcement();
  without_a_successor_all_goes_in_the_end();
  a_successor_is_given_its_time_once();
  times_are_bounded();
  a_deaf_guard_keeps_nothing();
  a_node_that_was_frozen_has_nothing_to_keep();
  a_router_without_addresses_has_nothing_to_keep();
  routers_are_kept_one_by_one();
  other_addresses_of_a_subnet_are_spared();
  only_the_group_is_a_successor();
  only_whole_announcements_count();
  ipv6_is_heard_too();
  many_are_found_in_any_order();
  what_another_program_puts_up_is_its_own();
  reports_are_read_with_suspicion();
  a_report_of_an_ipv6_address_names_no_program();
  a_macvlan_that_is_gone_is_not_waited_for();
  a_care_of_a_spoilt_area_ends();
  return finish();
}
