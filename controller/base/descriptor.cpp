#include "controller/base/descriptor.h"

#include <unistd.h>

namespace plumb {

void Descriptor::reset() {
  if (fd_ >= 0) ::close(release());
}

}  // namespace plumb
