"""The gadget's tree in a temporary folder that takes folders away as configfs does."""

from pathlib import Path
from typing import Any

import pytest

from firmware.platform.linux.gadget import Gadget, check_functions
from firmware.ports.errors import PortFault
from host_tools.hardware import board_data, find_board
from host_tools.hardware.model import ENDPOINTS

USB: dict[str, Any] = board_data(find_board("pi_zero_2w_camera"))["usb"]
CONTROLLER = "3f980000.usb"
BY_ITSELF = ("strings", "configs", "functions")  # folders that the kernel makes in a gadget, and in a configuration


class Kernel:
    """The parts of configfs and sysfs that the gadget sees."""

    def __init__(self, root: Path) -> None:
        self.root = root / "usb_gadget"
        self.controllers = root / "udc"
        self.removed: list[str] = []
        self.root.mkdir()
        (self.controllers / CONTROLLER).mkdir(parents=True)
        self.show("not attached", "UNKNOWN")

    def show(self, state: str, speed: str) -> None:
        (self.controllers / CONTROLLER / "state").write_text(state + "\n")
        (self.controllers / CONTROLLER / "current_speed").write_text(speed + "\n")

    def gadget(self, usb: dict[str, Any] = USB) -> Gadget:
        return Gadget(usb, "CAM-7", root=self.root, controllers=self.controllers, remove_folder=self.remove_folder)

    def remove_folder(self, folder: Path) -> None:
        """What rmdir does there: files go with their folder, what the kernel made too, what people made must be gone;
        a function that a configuration still has is busy."""
        for inside in folder.iterdir():
            if inside.is_symlink() or (inside.is_dir() and inside.name not in BY_ITSELF):
                raise OSError(39, "Directory not empty", str(inside))
            if inside.is_dir():
                inside.rmdir()
            else:
                inside.unlink()
        for link in self.root.glob("*/configs/*/*"):
            assert not (link.is_symlink() and link.resolve() == folder.resolve()), f"{folder.name} is in use"
        folder.rmdir()
        self.removed.append(folder.name)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_the_tree_says_what_board_toml_says(kernel: Kernel) -> None:
    gadget = kernel.gadget()
    gadget.build()
    tree = kernel.root / "openbwc"
    told = {str(path.relative_to(tree)): path.read_text().strip() for path in tree.rglob("*") if path.is_file()}
    assert told == {
        "idVendor": "0x1209",
        "idProduct": "0x0001",
        "bcdDevice": "0x0100",
        "bcdUSB": "0x0200",
        "bDeviceClass": "0xEF",
        "bDeviceSubClass": "0x02",
        "bDeviceProtocol": "0x01",
        "strings/0x409/serialnumber": "CAM-7",
        "strings/0x409/manufacturer": "OpenBWC",
        "strings/0x409/product": "OpenBWC camera, Zero 2 W",
        "configs/c.1/strings/0x409/configuration": "OpenBWC camera, Zero 2 W",
        "configs/c.1/MaxPower": "500",
        "configs/c.1/bmAttributes": "0x80",
    }
    links = sorted(path for path in (tree / "configs/c.1").iterdir() if path.is_symlink())
    assert [path.name for path in links] == ["acm.link", "ffs.offload"]
    assert [path.resolve() for path in links] == [tree / "functions/acm.link", tree / "functions/ffs.offload"]


def test_it_appears_and_goes(kernel: Kernel) -> None:
    gadget = kernel.gadget()
    gadget.build()
    assert (gadget.bound_to(), gadget.is_configured(), gadget.speed_mbps()) == ("", False, 0)
    assert gadget.bind() == CONTROLLER
    assert gadget.bound_to() == CONTROLLER
    kernel.show("configured", "high-speed")
    assert (gadget.is_configured(), gadget.speed_mbps()) == (True, 480)
    kernel.show("suspended", "full-speed")
    assert (gadget.is_configured(), gadget.speed_mbps()) == (False, 12)
    gadget.unbind()
    assert (gadget.bound_to(), gadget.speed_mbps()) == ("", 0)


def test_it_is_taken_down_in_reverse_order(kernel: Kernel) -> None:
    gadget = kernel.gadget()
    gadget.build()
    gadget.bind()
    gadget.remove()
    assert kernel.removed == ["0x409", "c.1", "acm.link", "ffs.offload", "0x409", "openbwc"]
    assert list(kernel.root.iterdir()) == []
    gadget.remove()  # again is no error


def test_what_a_crash_left_is_taken_down_first(kernel: Kernel) -> None:
    first = kernel.gadget()
    first.build()
    first.bind()
    second = kernel.gadget({**USB, "functions": [{"name": "other", "kind": "acm"}]})
    second.build()
    assert second.bound_to() == ""
    assert [path.name for path in (kernel.root / "openbwc/functions").iterdir()] == ["acm.other"]


def test_a_serial_functions_terminal_is_known(kernel: Kernel) -> None:
    gadget = kernel.gadget()
    gadget.build()
    (kernel.root / "openbwc/functions/acm.link/port_num").write_text("2\n")
    assert gadget.terminal_of("link") == "/dev/ttyGS2"
    with pytest.raises(PortFault, match="no serial function lnik"):
        gadget.terminal_of("lnik")


def test_what_is_missing_is_named(kernel: Kernel, tmp_path: Path) -> None:
    with pytest.raises(PortFault, match="load the module libcomposite"):
        Gadget(USB, "S", root=tmp_path / "none").build()
    gadget = kernel.gadget()
    gadget.build()
    second = kernel.controllers / "fe980000.usb"
    second.mkdir()
    with pytest.raises(PortFault, match=r"3f980000\.usb, fe980000\.usb"):
        gadget.bind()
    with pytest.raises(PortFault, match="dtoverlay=dwc2"):
        Gadget(USB, "S", root=kernel.root, controllers=tmp_path / "none").bind()


def test_a_controller_in_use_is_told(kernel: Kernel) -> None:
    gadget = kernel.gadget()
    gadget.build()
    (kernel.root / "openbwc" / "UDC").mkdir()  # cannot be written
    with pytest.raises(PortFault, match="cannot be bound"):
        gadget.bind()


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        (["acm", "acm", "ffs"], "a0 3 + a1 3 + f2 2 = 8 endpoints, the controller has 7: drop a function"),
        (["ncm"], "of the kind ncm is not made here; these are: acm, ffs"),
        (["acm"] * 5, "5 serial functions, the kernel has 4"),
    ],
)
def test_what_the_controller_cannot_do_is_refused_before_it_tries(
    kernel: Kernel, functions: list[str], message: str
) -> None:
    named = [{"name": f"{kind[0]}{index}", "kind": kind} for index, kind in enumerate(functions)]
    with pytest.raises(PortFault, match=message.replace("+", r"\+")):
        kernel.gadget({**USB, "functions": named})
    assert list(kernel.root.iterdir()) == []


def test_board_files_and_gadget_count_endpoints_alike() -> None:
    for kind in ("acm", "ffs"):
        functions = [{"name": "x", "kind": kind}]
        check_functions({"functions": functions, "endpoints_max": ENDPOINTS[kind]})
        with pytest.raises(PortFault, match="endpoints"):
            check_functions({"functions": functions, "endpoints_max": ENDPOINTS[kind] - 1})


def test_several_gadgets_of_one_kernel_share_nothing(kernel: Kernel) -> None:
    (kernel.controllers / "dummy_udc.1").mkdir()
    gadgets = [
        Gadget(
            USB,
            f"CAM-{number}",
            name=f"camera{number}",
            controller=controller,
            root=kernel.root,
            controllers=kernel.controllers,
            remove_folder=kernel.remove_folder,
        )
        for number, controller in enumerate((CONTROLLER, "dummy_udc.1", "dummy_udc.7"))
    ]
    for gadget in gadgets:
        gadget.build()
    functions = [path.name for path in sorted(kernel.root.glob("*/functions/ffs.*"))]
    assert functions == ["ffs.offload-camera0", "ffs.offload-camera1", "ffs.offload-camera2"]
    assert [gadget.instance_of("offload") for gadget in gadgets[:2]] == ["offload-camera0", "offload-camera1"]
    assert kernel.gadget().instance_of("offload") == "offload"
    assert [gadget.bind() for gadget in gadgets[:2]] == [CONTROLLER, "dummy_udc.1"]
    with pytest.raises(PortFault, match=r"no USB device controller dummy_udc\.7; there is 3f980000\.usb, dummy"):
        gadgets[2].bind()
    gadgets[0].remove()
    assert sorted(path.name for path in kernel.root.iterdir()) == ["camera1", "camera2"]
