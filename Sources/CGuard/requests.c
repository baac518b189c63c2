// Reading what a guard sends, hears and is told: requests, addresses, advertisements.
#include "requests.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <string.h>

enum { VRRP_PROTOCOL = 112 };

VIP_GUARD_CODE uint32_t vip_guard_address_length(uint8_t family) {
  return family == VIP_GUARD_FAMILY_IPV4 ? 4 : family == VIP_GUARD_FAMILY_IPV6 ? 16 : 0;
}

VIP_GUARD_CODE bool vip_guard_read_address(
    const uint8_t *body, uint32_t length, struct vip_guard_address *address) {
  struct ifaddrmsg message;
  struct rtattr attribute;
  bool is_found = false;
  if (length < sizeof message) return false;
  memcpy(&message, body, sizeof message);
  address->interface_index = (int32_t)message.ifa_index;
  address->family = message.ifa_family;
  address->prefix_length = message.ifa_prefixlen;
  uint32_t size = vip_guard_address_length(message.ifa_family);
  uint32_t place = sizeof message;
  while (size > 0 && length - place >= sizeof attribute) {
    memcpy(&attribute, body + place, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > length - place) break;
    bool is_local = attribute.rta_type == IFA_LOCAL;
    if ((is_local || attribute.rta_type == IFA_ADDRESS)
        && attribute.rta_len == sizeof attribute + size) {
      memcpy(address->bytes, body + place + sizeof attribute, size);
      is_found = true;
      if (is_local) return true;
    }
    uint32_t step = (attribute.rta_len + 3u) & ~3u;
    if (step > length - place) break;
    place += step;
  }
  return is_found;
}

// MARK: Requests

VIP_GUARD_CODE bool vip_guard_read_request(
    const uint8_t *block, uint32_t length, uint32_t place, struct nlmsghdr *header) {
  if (place > length || length - place < sizeof *header) return false;
  memcpy(header, block + place, sizeof *header);
  return header->nlmsg_len >= sizeof *header && header->nlmsg_len % 4 == 0
      && header->nlmsg_len <= length - place;
}

/// Whether a request removes an address that is like one; with a prefix length of 0 any will do.
VIP_GUARD_CODE static bool removes(
    const struct nlmsghdr *header, const uint8_t *request, const struct vip_guard_address *wanted) {
  struct vip_guard_address found;
  if (header->nlmsg_type != RTM_DELADDR) return false;
  uint32_t body = header->nlmsg_len - (uint32_t)sizeof *header;
  if (!vip_guard_read_address(request + sizeof *header, body, &found)) return false;
  return found.interface_index == wanted->interface_index && found.family == wanted->family
      && (wanted->prefix_length == 0 || found.prefix_length == wanted->prefix_length)
      && memcmp(found.bytes, wanted->bytes, vip_guard_address_length(found.family)) == 0;
}

VIP_GUARD_CODE bool vip_guard_find_removal(
    const uint8_t *block, uint32_t length, struct vip_guard_entry *entry,
    const struct vip_guard_address *wanted, uint32_t *found) {
  struct nlmsghdr header;
  uint32_t start = entry->cursor;
  // In the opposite order; those of one block are alike.
  if (vip_guard_read_request(block, length, start, &header) && header.nlmsg_len <= start) {
    uint32_t place = start - header.nlmsg_len;
    if (vip_guard_read_request(block, length, place, &header)
        && removes(&header, block + place, wanted)) {
      *found = entry->cursor = place;
      return true;
    }
  }
  for (int round = 0; round < 2; round++) {
    uint32_t place = round == 0 ? start : 0;
    uint32_t end = round == 0 ? length : start;
    while (place < end && vip_guard_read_request(block, length, place, &header)) {
      if (removes(&header, block + place, wanted)) {
        *found = place;
        entry->cursor = place;
        return true;
      }
      place += header.nlmsg_len;
    }
  }
  return false;
}

VIP_GUARD_CODE uint32_t vip_guard_count_removals(
    const uint8_t *block, uint32_t length, int32_t interface_index) {
  struct nlmsghdr header;
  struct vip_guard_address address;
  uint32_t count = 0;
  for (uint32_t place = 0; vip_guard_read_request(block, length, place, &header);
       place += header.nlmsg_len) {
    uint32_t body = header.nlmsg_len - (uint32_t)sizeof header;
    count += header.nlmsg_type == RTM_DELADDR
        && vip_guard_read_address(block + place + sizeof header, body, &address)
        && (interface_index == 0 || address.interface_index == interface_index);
  }
  return count;
}

// MARK: Advertisements

VIP_GUARD_CODE bool vip_guard_read_advertisement(
    const uint8_t *packet, uint32_t length, struct vip_guard_advertisement *advertisement) {
  uint32_t header = 0;
  uint8_t hop_limit = 0;
  if (length >= 20 && packet[0] >> 4 == 4 && packet[9] == VRRP_PROTOCOL) {
    header = (packet[0] & 15u) * 4;
    hop_limit = packet[8];
    advertisement->family = VIP_GUARD_FAMILY_IPV4;
    advertisement->source = packet + 12;
  } else if (length >= 40 && packet[0] >> 4 == 6 && packet[6] == VRRP_PROTOCOL) {
    header = 40;
    hop_limit = packet[7];
    advertisement->family = VIP_GUARD_FAMILY_IPV6;
    advertisement->source = packet + 8;
  }
  if (header < 20 || hop_limit != 255 || header > length || length - header < 4) return false;
  const uint8_t *message = packet + header;
  if (message[0] != 0x21 && message[0] != 0x31) return false;
  advertisement->vrid = message[1];
  advertisement->priority = message[2];
  return true;
}

// MARK: Reports

/// Reads the report of an interface that is gone.
VIP_GUARD_CODE static void read_lost_link(
    struct vip_guard_care *care, const uint8_t *body, uint32_t length, uint64_t now) {
  struct rtattr attribute;
  uint32_t place = sizeof(struct ifinfomsg);
  while (length > place && length - place >= sizeof attribute) {
    memcpy(&attribute, body + place, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > length - place) return;
    if (attribute.rta_type == IFLA_IFNAME) {
      // With the zero at its end, so that it is no shorter name.
      uint32_t size = attribute.rta_len - (uint32_t)sizeof attribute;
      const uint8_t *name = body + place + sizeof attribute;
      if (size > 0 && name[size - 1] == 0) vip_guard_care_lose_link(care, name, size, now);
      return;
    }
    uint32_t step = (attribute.rta_len + 3u) & ~3u;
    if (step > length - place) return;
    place += step;
  }
}

/// Whether a program other than this guard has changed an address.
///
/// For IPv4 a report names the program: the kernel's own changes are by none, such as the promotion
/// of a secondary address, which follows from what this guard removes. For IPv6 it never names one,
/// and nothing that the guard does leads to such a report.
VIP_GUARD_CODE static bool is_foreign(
    const struct nlmsghdr *header, const struct vip_guard_address *address, uint32_t port) {
  if (address->family == VIP_GUARD_FAMILY_IPV6) return header->nlmsg_pid != port;
  return header->nlmsg_pid != 0 && header->nlmsg_pid != port;
}

VIP_GUARD_CODE void vip_guard_care_read_reports(
    struct vip_guard_care *care, const uint8_t *bytes, uint32_t length, uint32_t port,
    uint64_t now) {
  struct nlmsghdr header;
  struct vip_guard_address address;
  while (length >= sizeof header) {
    memcpy(&header, bytes, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > length) return;
    const uint8_t *body = bytes + sizeof header;
    uint32_t size = header.nlmsg_len - (uint32_t)sizeof header;
    if (header.nlmsg_type == RTM_NEWADDR && vip_guard_read_address(body, size, &address)
        && is_foreign(&header, &address, port)) {
      vip_guard_care_retake(
          care, address.interface_index, address.family, address.prefix_length, address.bytes);
    } else if (header.nlmsg_type == RTM_DELLINK && size > sizeof(struct ifinfomsg)) {
      read_lost_link(care, body, size, now);
    }
    uint32_t step = (header.nlmsg_len + 3u) & ~3u;
    if (step > length) return;
    bytes += step;
    length -= step;
  }
}
