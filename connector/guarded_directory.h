#pragma once

#include <memory>

#include "connector/policy.h"
#include "controller/ports/directory.h"

namespace plumb::connector {

// A Directory as far as the site lets it be used: reads below base_dns, writes below write_dns. Where an object is, the
// directory itself is asked, not the controller. What is found elsewhere is left out, as what one may not read is.
// `policy` and its `rule` outlive it; `kept` is let go of after `inner`.
std::unique_ptr<Directory> guard(std::unique_ptr<Directory> inner, const Policy& policy, const DirectoryRule& rule,
                                 std::shared_ptr<const void> kept = nullptr);

}  // namespace plumb::connector
