"""A board as a USB device: the kernel's gadget, put together through configfs.

Law: a tree of folders and one-line files, made in one order and taken down strictly in the reverse one; nothing is
remembered that the tree itself can tell. Source: Linux, Documentation/usb/gadget_configfs.rst.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.ports.errors import PortFault

CONFIGFS = "/sys/kernel/config/usb_gadget"
CONTROLLERS = "/sys/class/udc"
NAME = "openbwc"

ENGLISH = "strings/0x409"
CONFIGURATION = "configs/c.1"
# Function kind -> name of its folder, and endpoints that it takes besides endpoint 0.
FUNCTIONS: "dict[str, tuple[str, int]]" = {"acm": ("acm.{name}", 3), "ffs": ("ffs.{name}", 2)}
ACM_MAX = 4  # serial ports that the kernel gives to all gadgets together

USB_2 = "0x0200"
DEVICE_VERSION = "0x0100"
MAX_POWER_MA = 500  # what a host grants; the charger keeps its own, smaller limit
ATTRIBUTES_BUS_POWERED = "0x80"
# Several interfaces belong to one function: class, subclass and protocol of an interface association.
ASSOCIATED = (("bDeviceClass", "0xEF"), ("bDeviceSubClass", "0x02"), ("bDeviceProtocol", "0x01"))

SPEEDS_MBPS = {"low-speed": 1, "full-speed": 12, "high-speed": 480, "super-speed": 5000}


class Gadget:
    """``usb``: the key ``usb`` of board_data; ``serial``: the unit's own. ``name`` and ``controller``: of this gadget
    where one kernel has several, and its device controller (empty: the only one). ``root`` and ``controllers``: where
    configfs and the device controllers are; ``remove_folder``: how a folder goes (in configfs with the files in it)."""

    def __init__(
        self,
        usb: "dict[str, Any]",
        serial: str,
        *,
        name: str = NAME,
        controller: str = "",
        root: "str | Path" = CONFIGFS,
        controllers: "str | Path" = CONTROLLERS,
        remove_folder: "Callable[[Path], None]" = Path.rmdir,
    ) -> None:
        check_functions(usb)
        self._usb = usb
        self._serial = serial
        self._root = Path(root)
        self._controllers = Path(controllers)
        self._name = name
        self._controller = controller
        self._tree = self._root / name
        self._remove_folder = remove_folder

    def build(self) -> None:
        """Make the tree; one that a crash has left is taken down first. Functions of the kind ffs must be mounted, and
        their descriptors written, before ``bind``."""
        if not self._root.is_dir():
            raise PortFault(f"there is no {self._root}; load the module libcomposite and mount configfs")
        self.remove()
        for folder in ("", ENGLISH, CONFIGURATION, f"{CONFIGURATION}/{ENGLISH}"):
            (self._tree / folder).mkdir(parents=True, exist_ok=True)
        for name, value in (
            ("idVendor", f"0x{self._usb['vid']:04x}"),
            ("idProduct", f"0x{self._usb['pid']:04x}"),
            ("bcdDevice", DEVICE_VERSION),
            ("bcdUSB", USB_2),
            *ASSOCIATED,
            (f"{ENGLISH}/serialnumber", self._serial),
            (f"{ENGLISH}/manufacturer", self._usb["manufacturer"]),
            (f"{ENGLISH}/product", self._usb["product"]),
            (f"{CONFIGURATION}/{ENGLISH}/configuration", self._usb["product"]),
            (f"{CONFIGURATION}/MaxPower", str(MAX_POWER_MA)),
            (f"{CONFIGURATION}/bmAttributes", ATTRIBUTES_BUS_POWERED),
        ):
            self._write(name, value)
        for function in self._usb["functions"]:
            self._add(function)

    def bind(self) -> str:
        """Appear on the bus; returns the controller's name. Unless one was named, only one is expected, as on every
        Pi."""
        controller = self._chosen_controller()
        try:
            self._write("UDC", controller)
        except OSError as error:
            raise PortFault(f"the gadget cannot be bound: {_remedy(error)}") from None
        return controller

    def unbind(self) -> None:
        """Go from the bus. One that is not bound stays so."""
        if self.bound_to():
            self._write("UDC", "")

    def remove(self) -> None:
        """Take the tree down. Nothing there is no error."""
        if not self._tree.is_dir():
            return
        self.unbind()
        configuration = self._tree / CONFIGURATION
        for link in sorted(path for path in configuration.iterdir() if path.is_symlink()):
            link.unlink()
        folders = [configuration / ENGLISH, configuration]
        folders += sorted((self._tree / "functions").iterdir())
        folders += [self._tree / ENGLISH, self._tree]
        for folder in folders:
            self._remove_folder(folder)

    def bound_to(self) -> str:
        """The controller's name, empty when not bound."""
        path = self._tree / "UDC"
        return path.read_text(encoding="utf-8").strip() if path.exists() else ""

    def is_configured(self) -> bool:
        """Whether a host has enumerated the board and uses it."""
        return self._tell("state") == "configured"

    def speed_mbps(self) -> int:
        """At what speed, 0 when on no bus: 12 where 480 is expected means a bad contact."""
        return SPEEDS_MBPS.get(self._tell("current_speed"), 0)

    def terminal_of(self, name: str) -> str:
        """The device file behind a serial function, such as ``/dev/ttyGS0``. PortFault if there is none."""
        path = self._tree / "functions" / f"acm.{name}" / "port_num"
        if not path.exists():
            raise PortFault(f"the gadget has no serial function {name}")
        return f"/dev/ttyGS{path.read_text(encoding='utf-8').strip()}"

    def instance_of(self, name: str) -> str:
        """What a function of the kind ffs is mounted as: the kernel knows those of all gadgets by one list."""
        return name if self._name == NAME else f"{name}-{self._name}"

    def _chosen_controller(self) -> str:
        controllers = sorted(path.name for path in self._controllers.iterdir()) if self._controllers.is_dir() else []
        if self._controller in controllers:
            return self._controller
        if not controllers:
            text = "this board has no USB device controller now"
            raise PortFault(f"{text}; put dtoverlay=dwc2,dr_mode=peripheral into config.txt and start anew")
        if self._controller:
            raise PortFault(f"no USB device controller {self._controller}; there is {', '.join(controllers)}")
        if len(controllers) > 1:
            raise PortFault(f"which of these USB device controllers is meant? {', '.join(controllers)}")
        return controllers[0]

    def _add(self, function: "dict[str, Any]") -> None:
        name = self.instance_of(function["name"]) if function["kind"] == "ffs" else function["name"]
        folder = FUNCTIONS[function["kind"]][0].format(name=name)
        target = self._tree / "functions" / folder
        target.mkdir(parents=True, exist_ok=True)
        os.symlink(target, self._tree / CONFIGURATION / folder)

    def _tell(self, attribute: str) -> str:
        controller = self.bound_to()
        path = self._controllers / controller / attribute
        try:
            return path.read_text(encoding="utf-8").strip() if controller else ""
        except OSError:  # unloaded meanwhile
            return ""

    def _write(self, name: str, value: str) -> None:
        (self._tree / name).write_text(value + "\n", encoding="utf-8")


def check_functions(usb: "dict[str, Any]") -> None:
    """PortFault for functions that this platform cannot make, or more of them than the controller has endpoints: the
    kernel would say so only when binding, and not which."""
    functions = usb["functions"]
    for function in functions:
        if function["kind"] not in FUNCTIONS:
            text = f"{function['name']}: a USB function of the kind {function['kind']} is not made here"
            raise PortFault(f"{text}; these are: {', '.join(sorted(FUNCTIONS))}")
    serials = [function for function in functions if function["kind"] == "acm"]
    if len(serials) > ACM_MAX:
        raise PortFault(f"{len(serials)} serial functions, the kernel has {ACM_MAX}: drop some")
    needed = sum(FUNCTIONS[function["kind"]][1] for function in functions)
    if needed > usb["endpoints_max"]:
        names = " + ".join(f"{each['name']} {FUNCTIONS[each['kind']][1]}" for each in functions)
        raise PortFault(f"{names} = {needed} endpoints, the controller has {usb['endpoints_max']}: drop a function")


def _remedy(error: OSError) -> str:
    return {
        errno.EBUSY: "another gadget has the controller; take its UDC away",
        errno.ENODEV: "a function is not ready; FunctionFS wants its descriptors first",
        errno.EINVAL: "the controller refuses these functions, for want of endpoints perhaps",
    }.get(error.errno or 0, error.strerror or str(error))
