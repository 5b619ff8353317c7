#pragma once

#include <string_view>

#include "controller/base/result.h"
#include "controller/manifest/yaml.h"
#include "controller/model/value.h"

// Documents that manifests name and that are no manifests themselves: OpenAPI documents, SOPS files.
namespace plumb::manifest {

// Some API descriptions are of 15 MB; as compact JSON without descriptions that is nearly two million values.
inline constexpr YamlLimits kDocumentLimits{.bytes = 16 << 20, .depth = 64, .nodes = 2'500'000, .documents = 16};

// Whether a text has a key of such a document where its top level should be. Cheap, and no more than a guess:
// whoever parses it by kDocumentLimits for that makes sure afterwards.
bool may_be_document(std::string_view text);

// The one document of a text: JSON where it begins with a brace and is JSON, else YAML. Fault::invalid with the place
// of the first thing that is wrong.
Result<Value> parse_document(std::string_view text);

}  // namespace plumb::manifest
