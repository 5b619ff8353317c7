#pragma once

#include <string_view>

#include "controller/ports/directory.h"

// What a site sees in attributes, whatever the controller means by them.
namespace plumb::connector {

// A name with its options, "member;range=0-99" (RFC 4512, 2.5), and no number: an OID stands for any attribute. What
// has another byte in it, a NUL among them, is another attribute to a server than to whoever compares it.
bool names_attribute(std::string_view text);
// That has a password in it, or what decrypts a disk: never to be read. Those that no server gives away are not among
// them.
bool is_secret(std::string_view attribute);
// Sets a password, or what stands for one.
bool sets_password(const DirectoryWrite& write);
// Gives an account power over others or takes a protection from it: delegation, access control, SID history, policies.
bool sets_rights(const DirectoryWrite& write);

}  // namespace plumb::connector
