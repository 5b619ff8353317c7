#include "controller/base/result.h"

namespace plumb {

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::invalid: return "invalid";
    case Fault::denied: return "denied";
    case Fault::not_found: return "not_found";
    case Fault::conflict: return "conflict";
    case Fault::unavailable: return "unavailable";
    case Fault::timeout: return "timeout";
    case Fault::internal: return "internal";
  }
  return "internal";
}

}  // namespace plumb
