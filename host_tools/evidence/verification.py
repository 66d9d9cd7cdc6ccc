#!/usr/bin/env python3
"""Checks an exported recording: run it in the folder it came in, ``python3 verify.py [--root ROOT.pem]``.

Nothing of the software that made the export is needed: Python 3.8 and, for signatures, the program ``openssl``. What is
checked: every file against SHA256SUMS; each entry of the custody ledger against the one before it; the ledger's head
against the controller's signature; the camera's manifest against the ledger and the camera's signature; the clip
against the manifest. With ``--root`` (the system's root certificate) both signers must lead to it. Exit code 0: all of
it holds. This file may be read, changed and run by anybody.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Optional, Sequence, Tuple  # noqa: UP035 - Python 3.8 runs this too

HEAD_PREFIX = b"openbwc-ledger-head-1\x00"
MANIFEST_PREFIX = b"openbwc-manifest-1\x00"
BLOCK_BYTES = 1 << 20

Document = Dict[str, Any]  # noqa: UP006
Digests = Dict[str, str]  # noqa: UP006
Events = List[Tuple[Document, Document]]  # noqa: UP006


class Verdict:
    """What was found, one line each."""

    def __init__(self) -> None:
        self.bad = 0

    def say(self, holds: Optional[bool], text: str) -> None:  # noqa: UP045
        """``holds``: None where it cannot be told."""
        word = {True: "good", False: "BAD ", None: "note"}[holds]
        self.bad += holds is False
        sys.stdout.write(f"{word}  {text}\n")


def main(arguments: Sequence[str]) -> int:
    """Check what the command line names; the exit code."""
    parser = argparse.ArgumentParser(description="Check an exported recording.")
    parser.add_argument("folder", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--root", default="", help="the system's root certificate, PEM or DER")
    chosen = parser.parse_args(arguments)
    verdict = Verdict()
    try:
        digests = check_sums(chosen.folder, verdict)
        about = json.loads(read(chosen.folder, "container.meta.json"))
        check_list(about, digests, verdict)
        custody = [name for name in digests if os.path.basename(name).startswith("custody_")]
        if not custody:
            verdict.say(None, "no custody chain came with this recording: only the files were checked")
        for name in custody:
            check_custody(json.loads(read(chosen.folder, name)), about, digests, chosen.root, verdict)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        verdict.say(False, f"the export cannot be read: {error!r}")
    sys.stdout.write("this is NOT what was exported\n" if verdict.bad else "everything that was checked holds\n")
    return 1 if verdict.bad else 0


def check_sums(folder: str, verdict: Verdict) -> Digests:
    """Digests by name, of the files that are there."""
    digests: Digests = {}
    for line in read(folder, "SHA256SUMS").decode().splitlines():
        wanted, _, name = line.partition("  ")
        digests[name] = digest_of(os.path.join(folder, name))
        if digests[name] != wanted:
            verdict.say(False, f"{name}: its bytes are not those that were exported")
    verdict.say(bool(digests), f"{len(digests)} files compared with SHA256SUMS")
    return digests


def check_list(about: Document, digests: Digests, verdict: Verdict) -> None:
    """Each object against what the destination received."""
    for each in about["objects"]:
        name = "objects/" + each["name"]
        if digests.get(name) != each["sha256"]:
            verdict.say(False, f"{name}: is not what the destination received")
    verdict.say(True, "received " + ("and complete" if about["completed_unix_ms"] else "but not complete"))


def check_custody(custody: Document, about: Document, digests: Digests, root: str, verdict: Verdict) -> None:
    """The ledger's entries, its signed head, and the manifest."""
    events = check_entries(custody, verdict)
    signed = custody["head"]
    told = {key: value for key, value in about["metadata"].items() if key.startswith("Ledger") and value}
    given = {key: value for key, value in signed.items() if value}
    verdict.say(told == given, "the ledger's head came with completion")
    stands = [entry for entry, line in events if line["event"] == "head_signed"]
    verdict.say(
        bool(stands) and stands[-1]["previous"] == signed["LedgerHash"],
        "the head stands where the ledger says that it was signed",
    )
    check_head(custody, signed, root, verdict)
    check_manifest(custody, events, about, digests, root, verdict)


def check_entries(custody: Document, verdict: Verdict) -> Events:
    """Each entry's hash is over the hash before it and its own line."""
    events: Events = []
    sequence, holds = 0, True
    for entry in custody["entries"]:
        line = json.loads(entry["line"])
        joined = hashlib.sha256(bytes.fromhex(entry["previous"]) + entry["line"].encode()).hexdigest()
        holds = holds and joined == entry["hash"] and line["sequence"] == entry["sequence"] > sequence
        holds = holds and line["recording"] == custody["recording"]
        sequence = entry["sequence"]
        events.append((entry, line))
    words = ", ".join(line["event"] for _, line in events)
    verdict.say(holds and bool(events), f"{len(events)} entries of the ledger: {words}")
    return events


def check_head(custody: Document, signed: Document, root: str, verdict: Verdict) -> None:
    """The controller's signature."""
    if not custody["signer"]:
        verdict.say(None, "nobody signed the ledger's head: a controller without a system made it")
        return
    chain = [bytes.fromhex(each) for each in custody["signer"]]
    named = hashlib.sha256(chain[0]).hexdigest() == signed["LedgerCertificate"]
    verdict.say(named, "the head names its signer's certificate")
    statement = {
        "schema": 1,
        "controller": signed["LedgerController"],
        "sequence": int(signed["LedgerSequence"]),
        "hash": signed["LedgerHash"],
        "recording": signed["LedgerRecording"],
        "at_unix_ms": int(signed["LedgerTime"]),
        "certificate": signed["LedgerCertificate"],
        "suite": signed["LedgerSuite"],
    }
    holds = is_signed(chain[0], HEAD_PREFIX + canonical(statement), bytes.fromhex(signed["LedgerSignature"]))
    verdict.say(holds, "controller {} signed the ledger's head".format(signed["LedgerController"]))
    verdict.say(leads_to(chain, root), "its certificate leads to the system's root")


def check_manifest(
    custody: Document, events: Events, about: Document, digests: Digests, root: str, verdict: Verdict
) -> None:
    """The camera's word, and whether the clip is what it speaks of."""
    document = base64.b64decode(custody["manifest"])
    sealed = [line["details"] for _, line in events if line["event"] == "sealed"][-1]
    named = hashlib.sha256(document).hexdigest() == sealed["manifest_sha256"]
    verdict.say(named, "the ledger names the manifest")
    first, _, rest = document.partition(b"\n")
    manifest = json.loads(first)
    if rest.strip():
        signature = json.loads(rest)
        chain = [bytes.fromhex(each) for each in signature["certificates"]]
        message = MANIFEST_PREFIX + hashlib.sha256(first).digest() + hashlib.sha256(chain[0]).digest()
        holds = is_signed(chain[0], message, bytes.fromhex(signature["signature"]))
        verdict.say(holds, "camera {} signed the manifest".format(manifest["camera_serial"]))
        verdict.say(leads_to(chain, root), "its certificate leads to the system's root")
    else:
        verdict.say(None, "the camera did not sign its manifest")
    names = [each["name"] for each in about["objects"]]
    for clip in (name for name in names if name.endswith((".mp4", ".mkv"))):
        wanted = manifest["content_sha256"]
        if clip.rpartition(".")[0] + ".key" in names:
            verdict.say(None, f"{clip} is encrypted: decrypt it, its SHA-256 must be {wanted}")
        elif clip.endswith(".mkv"):
            verdict.say(None, f"{clip} was put into another container, as the destination wanted")
        else:
            verdict.say(digests.get("objects/" + clip) == wanted, f"{clip} is what the camera recorded")


def is_signed(certificate: bytes, message: bytes, signature: bytes) -> Optional[bool]:  # noqa: UP045
    """Whether the certificate's key signed it; None without ``openssl``."""
    if shutil.which("openssl") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, "key")
        paths = [write(os.path.join(folder, name), data) for name, data in (("m", message), ("s", signature))]
        der = write(os.path.join(folder, "certificate"), certificate)
        if not run("x509", "-inform", "DER", "-in", der, "-pubkey", "-noout", "-out", key):
            return False
        return run("dgst", "-sha256", "-verify", key, "-signature", paths[1], paths[0])


def leads_to(chain: Sequence[bytes], root: str) -> Optional[bool]:  # noqa: UP045
    """Whether the certificates lead to the root; None if it was not named. Time is not asked: evidence is old."""
    if not root or shutil.which("openssl") is None:
        return None
    with open(root, "rb") as file:
        trusted = file.read()
    with tempfile.TemporaryDirectory() as folder:
        anchor = write(os.path.join(folder, "root"), trusted if b"-----BEGIN" in trusted else pem(trusted))
        leaf = write(os.path.join(folder, "leaf"), pem(chain[0]))
        others = write(os.path.join(folder, "others"), b"".join(pem(each) for each in chain[1:]))
        options = ["-no_check_time", "-ignore_critical", "-CAfile", anchor, "-no-CApath", "-no-CAstore"]
        if len(chain) > 1:
            options += ["-untrusted", others]
        return run("verify", *options, leaf)


def run(*arguments: str) -> bool:
    """Whether ``openssl`` was content."""
    command = ["openssl", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
    return done.returncode == 0


def canonical(document: Document) -> bytes:
    """As it was signed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pem(der: bytes) -> bytes:
    """A certificate as text."""
    body = base64.encodebytes(der).decode().replace("\n", "")
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()


def digest_of(path: str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


def read(folder: str, name: str) -> bytes:
    """A small file."""
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def write(path: str, data: bytes) -> str:
    """A small file; its path."""
    with open(path, "wb") as file:
        file.write(data)
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
