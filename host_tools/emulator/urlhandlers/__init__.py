"""For plain pyserial programs: ``serial.protocol_handler_packages.append("host_tools.emulator.urlhandlers")``."""
