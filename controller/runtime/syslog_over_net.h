#pragma once

#include "controller/net/egress.h"
#include "controller/net/loop.h"
#include "controller/ports/http_sender.h"
#include "controller/runtime/integration_log.h"

namespace plumb::runtime {

// Senders over sockets, on the loop, to what the operator's rules let through; `tls` is for tls4. They are destroyed
// on the loop's thread or once it is stopped, and so is the IntegrationLog that has them.
IntegrationLog::OpenSyslog syslog_over_net(net::Loop& loop, net::Egress egress, HttpTls tls = {});

// Name of this machine, for records that name no other; "localhost" if it cannot be had.
std::string name_of_this_host();
// How far the local time of this machine is from UTC at that time.
std::chrono::seconds local_utc_offset(SystemTime time);

}  // namespace plumb::runtime
