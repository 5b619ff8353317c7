#pragma once

#include <optional>
#include <vector>

#include "controller/openapi/document.h"
#include "controller/openapi/model.h"

// The parts that parse_model is made of; for the files of this folder.
namespace plumb::openapi {

enum class Dialect { swagger2, openapi3 };

// Of one parameter, wherever it may stand; nothing where it cannot be read, which is told.
std::optional<Parameter> read_parameter(Reading& reading, const Node& node, Dialect dialect);
// Itential's own, which may be "in: body" and are for tokens and keys.
std::vector<Parameter> read_extra_parameters(Reading& reading, const Node& list);
// Whether the parameter can be written in that place in that style; else it is told.
void check_style(Reading& reading, const Node& node, const Parameter& parameter);

std::optional<Body> read_body(Reading& reading, const Node& node);
// Swagger 2: parameters "in: body" and "in: formData" together.
std::optional<Body> read_swagger_body(Reading& reading, const std::vector<Node>& parameters, const Node& operation);

std::vector<SecurityScheme> read_schemes(Reading& reading, Dialect dialect);
std::vector<std::vector<std::string>> read_security(Reading& reading, const Node& list,
                                                    const std::vector<SecurityScheme>& schemes);
std::vector<Server> read_servers(Reading& reading, const Node& list);
std::vector<Server> read_swagger_servers(Reading& reading);

}  // namespace plumb::openapi
