#pragma once

#include <vector>

#include "controller/schema/registry.h"

namespace plumb::schema {

// What is wrong with the metadata of a manifest; the rules of Kubernetes for names, where the schema of
// the kind has no say.
void check_metadata(const Value& document, std::vector<Problem>& problems);

bool is_dns_label(std::string_view text);      // RFC 1123, at most 63 characters
bool is_dns_subdomain(std::string_view text);  // RFC 1123, at most 253 characters

}  // namespace plumb::schema
