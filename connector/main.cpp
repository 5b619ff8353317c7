#include "connector/command_line.h"

int main(int argc, char** argv) { return plumb::connector::run_command_line(argc, argv); }
