#pragma once
// libpcap as Swift sees it. No feature macros here: they would change Glibc's own module.
#include <pcap/pcap.h>
