#!/usr/bin/env python3
"""Checks an exported recording: run it in the folder it came in, ``python3 -I verify.py [--root ROOT.pem]``.

Nothing of the software that made the export is needed: Python 3.8 and, for signatures, the program ``openssl``. What is
checked: every file against SHA256SUMS, and that there is no other; the ledger's head and the recording's entries
against the controller's signature; the camera's manifest against the ledger and the camera's signature; the clip
against the manifest; bookmarks, location and what is told of the recording against what the controller wrote into the
ledger before it sent them. With ``--root`` (the system's root certificate) there must be a chain, and both signers must
lead to it; with ``--clip FILE`` and ``--track FILE`` what was decrypted is compared as well. A line begins with
``good``, with ``BAD``, or with ``----``: something that could not be checked, or that is only told. Exit code 0:
nothing is bad. This file may be read, changed and run by anybody. Nothing that lies beside it is run or followed.
"""

import os
import sys

if __name__ == "__main__":  # modules that lie beside it are not Python's own, whatever they are called
    sys.path[:] = [each for each in sys.path if os.path.realpath(each) != os.path.dirname(os.path.realpath(__file__))]

import argparse
import base64
import hashlib
import json
import re
import subprocess
import tempfile
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Sequence, Tuple  # noqa: UP035 - Python 3.8 runs this too

HEAD_PREFIX = b"openbwc-ledger-head-1\x00"
MANIFEST_PREFIX = b"openbwc-manifest-1\x00"
ENCLOSED_PREFIX = b"openbwc-enclosed-1\x00"
BLOCK_BYTES = 1 << 20
PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,28}[A-Za-z0-9])?$")  # names that containers have as they are
NOBODIES = ("", "unassigned", str(uuid.UUID(int=0)))  # as whose a recording goes that nobody wore
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
OBJECTS = "objects/"
CLIP_ENDS = (".mp4", ".mkv")
OTHERS_NAMED = 5  # of a list of objects
NO_ROOT = "name the system's root certificate with --root"
NO_OPENSSL = "the program openssl is not installed"

Document = Dict[str, Any]  # noqa: UP006
Digests = Dict[str, str]  # noqa: UP006
Events = List[Tuple[Document, Document]]  # noqa: UP006


class Verdict:
    """What was found, one line each."""

    def __init__(self) -> None:
        self.bad = 0
        self.unchecked = 0

    def say(self, holds: bool, text: str) -> None:
        """What was checked."""
        self.bad += not holds
        self._write("good" if holds else "BAD ", text)

    def skip(self, text: str, why: str) -> None:
        """What was not."""
        self.unchecked += 1
        self._write("----", f"NOT CHECKED: {text}: {why}")

    def lack(self, text: str, why: str, root: str) -> None:
        """What cannot be checked for want of it, and is bad where somebody named the root that it must lead to."""
        if root:
            self.say(False, f"{text}: {why}")
        else:
            self.skip(text, why)

    def tell(self, text: str) -> None:
        """What is neither good nor bad."""
        self._write("----", text)

    def _write(self, word: str, text: str) -> None:
        """One line, whatever whoever made the export has written into it."""
        line = "".join(each if each.isprintable() else "?" for each in text)
        sys.stdout.write(f"{word}  {line}\n".encode("ascii", "backslashreplace").decode())

    def judge(self, holds: Optional[bool], text: str, why: str = NO_OPENSSL) -> None:  # noqa: UP045
        """``holds``: None where it could not be checked, ``why``."""
        if holds is None:
            self.skip(text, why)
        else:
            self.say(holds, text)

    def end(self) -> int:
        """The last line; the exit code."""
        if self.bad:
            sys.stdout.write("this is NOT what was exported, or not what was recorded: see the lines with BAD\n")
            return 1
        rest = f"; {self.unchecked} things could not be checked" if self.unchecked else ""
        sys.stdout.write(f"everything that was checked holds{rest}\n")
        return 0


def main(arguments: Sequence[str]) -> int:
    """Check what the command line names; the exit code."""
    parser = argparse.ArgumentParser(description="Check an exported recording.")
    parser.add_argument("folder", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--root", default="", help="the system's root certificate, PEM or DER")
    parser.add_argument("--clip", default="", help="the recording's clip, decrypted")
    parser.add_argument("--track", default="", help="its location track, decrypted")
    chosen = parser.parse_args(arguments)
    verdict = Verdict()
    try:
        digests = check_sums(chosen.folder, verdict)
        about = json.loads(read(chosen.folder, "container.meta.json"))
        check_list(about, digests, verdict)
        check_strays(chosen.folder, digests, verdict)
        custody = [name for name in digests if name.startswith(OBJECTS + "custody_")]
        if not custody:
            text = "who recorded this, and through whose hands it went"
            verdict.lack(text, "no custody chain came with it", chosen.root)
        for name in custody:
            check_custody(json.loads(read(chosen.folder, name)), about, digests, chosen, verdict)
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError) as error:
        verdict.say(False, f"the export cannot be read: {error!r}")
    return verdict.end()


def check_sums(folder: str, verdict: Verdict) -> Digests:
    """Digests by name, of the files that are there."""
    digests: Digests = {}
    for line in read(folder, "SHA256SUMS").decode().splitlines():
        wanted, _, name = line.partition("  ")
        if name in digests or not is_inside(folder, name):
            verdict.say(False, f"{name}: is named twice, is not there, or leads elsewhere")
            continue
        digests[name] = digest_of(os.path.join(folder, name))
        if digests[name] != wanted:
            verdict.say(False, f"{name}: its bytes are not those that were exported")
    verdict.say(bool(digests), f"{len(digests)} files compared with SHA256SUMS")
    return digests


def check_list(about: Document, digests: Digests, verdict: Verdict) -> None:
    """Each object against what the destination received."""
    received = {OBJECTS + file_of(each): each["sha256"] for each in about["objects"]}
    if not len(received) == len(about["objects"]) == len({each["name"] for each in about["objects"]}):
        verdict.say(False, "container.meta.json lists an object twice")
    for name, wanted in received.items():
        if digests.get(name) != wanted:
            verdict.say(False, f"{name}: is not what the destination received")
    for name in sorted(digests):
        if name.startswith(OBJECTS) and name not in received:
            verdict.say(False, f"{name}: is nothing that the destination received")
    verdict.tell("the destination began to receive this at {}".format(when(about["received_unix_ms"])))
    ended = about["completed_unix_ms"]
    verdict.tell(f"and had all of it at {when(ended)}" if ended else "and was never told that this is all of it")
    if about["quarantine"]:
        verdict.tell("it was in quarantine there: {}".format(about["quarantine"]))


def check_strays(folder: str, digests: Digests, verdict: Verdict) -> None:
    """What lies in the folder and is no part of the export."""
    for place, folders, names in os.walk(folder):
        for name in names + [each for each in folders if os.path.islink(os.path.join(place, each))]:
            path = os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
            if path in digests or path == "SHA256SUMS":
                continue
            if path.startswith("objects/"):
                verdict.say(False, f"{path}: was put beside what was exported")
            else:
                verdict.tell(f"{path}: is no part of the export")


def check_custody(
    custody: Document, about: Document, digests: Digests, chosen: argparse.Namespace, verdict: Verdict
) -> None:
    """The ledger's entries, its signed head, and the manifest."""
    events = check_entries(custody, verdict)
    signed, root = custody["head"], chosen.root
    told = {key: value for key, value in about["metadata"].items() if key.startswith("Ledger") and value}
    given = {key: value for key, value in signed.items() if value}
    verdict.say(told == given, "the ledger's head came with completion")
    entry, line = events[-1]
    stands = entry["previous"] == signed["LedgerHash"] and line["event"] == "head_signed"
    stands = stands and str(line["at_unix_ms"]) == signed["LedgerTime"]
    if signed.get("LedgerEntries"):
        stands = stands and line["details"]["signature"] == signed.get("LedgerSignature", "")
    verdict.say(stands, "the head stands where the ledger says that it was signed")
    check_head(custody, signed, root, verdict)
    events = check_covered(events, signed, verdict)
    check_manifest(custody, events, about, digests, chosen, verdict)
    check_enclosed(base64.b64decode(custody["manifest"]), events, about, digests, chosen.track, verdict)


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
    for _, line in events:
        verdict.tell("    {} {}".format(when(line["at_unix_ms"]), line["event"]))
    return events


def check_covered(events: Events, signed: Document, verdict: Verdict) -> Events:
    """Whether what was signed covers these entries, or only that each is like itself; those that may be believed."""
    if not signed.get("LedgerEntries"):
        verdict.skip("whether these entries are the controller's", "a head of that time covered none of them")
        return [each for each in events if each[1]["event"] != "enclosed"]  # there were none then
    digest = hashlib.sha256()
    for entry, _ in events[:-1]:  # the last tells of the head itself
        digest.update(bytes.fromhex(entry["hash"]))
    holds = digest.hexdigest() == signed["LedgerEntries"]
    verdict.say(holds, "the ledger's head covers these entries, and no other of this recording")
    return events


def check_head(custody: Document, signed: Document, chosen_root: str, verdict: Verdict) -> None:
    """The controller's signature."""
    if not custody["signer"]:
        verdict.lack("whose ledger this is", "nobody signed its head, as its controller has no system", chosen_root)
        return
    chain = [bytes.fromhex(each) for each in custody["signer"]]
    certificate = hashlib.sha256(chain[0]).hexdigest()
    verdict.say(certificate == signed["LedgerCertificate"], "the head names its signer's certificate")
    statement = {
        "schema": 2 if signed.get("LedgerEntries") else 1,
        "controller": signed["LedgerController"],
        "sequence": int(signed["LedgerSequence"]),
        "hash": signed["LedgerHash"],
        "recording": signed["LedgerRecording"],
        "at_unix_ms": int(signed["LedgerTime"]),
        "certificate": signed["LedgerCertificate"],
        "suite": signed["LedgerSuite"],
    }
    if signed.get("LedgerEntries"):
        statement["entries"] = signed["LedgerEntries"]
    holds = is_signed(chain[0], HEAD_PREFIX + canonical(statement), bytes.fromhex(signed["LedgerSignature"]))
    verdict.judge(holds, "the signature over the ledger's head is controller {}'s".format(signed["LedgerController"]))
    check_owner(chain[0], "controller", signed["LedgerController"], verdict)
    check_root(chain, chosen_root, "the controller's certificate leads to the system's root", verdict)


def check_manifest(
    custody: Document, events: Events, about: Document, digests: Digests, chosen: argparse.Namespace, verdict: Verdict
) -> None:
    """The camera's word, and whether the clip is what it speaks of."""
    document = base64.b64decode(custody["manifest"])
    sealed = [line["details"] for _, line in events if line["event"] == "sealed"][-1]
    verdict.say(hashlib.sha256(document).hexdigest() == sealed["manifest_sha256"], "the ledger names the manifest")
    first, _, rest = document.partition(b"\n")
    manifest = json.loads(first)
    if rest.strip():
        signature = json.loads(rest)
        chain = [bytes.fromhex(each) for each in signature["certificates"]]
        message = MANIFEST_PREFIX + hashlib.sha256(first).digest() + hashlib.sha256(chain[0]).digest()
        holds = is_signed(chain[0], message, bytes.fromhex(signature["signature"]))
        verdict.judge(holds, "the signature over the manifest is camera {}'s".format(manifest["camera_serial"]))
        check_owner(chain[0], "evidence", manifest["camera_serial"], verdict)
        check_root(chain, chosen.root, "the camera's certificate leads to the system's root", verdict)
    else:
        verdict.skip("who wrote the manifest", "its camera did not sign it")
    tell_manifest(manifest, verdict)
    is_enclosed = any(line["event"] == "enclosed" for _, line in events)
    check_told(manifest, about["metadata"], custody.get("system", ""), is_enclosed, verdict)
    check_clips(manifest["content_sha256"], about, digests, chosen.clip, verdict)


def tell_manifest(manifest: Document, verdict: Verdict) -> None:
    """What the camera itself says of the recording."""
    for word, cause in (("started", "cause_start"), ("stopped", "cause_stop")):
        moment = manifest[word]
        time = when(moment["unix_ms"]) if moment["source"] != "none" else "at a time that it did not know"
        verdict.tell(f"the camera says: {word} {time}, by {manifest[cause]}")
    if manifest["wearer_id"]:
        verdict.tell("the camera says: worn by {} ({})".format(manifest["wearer_name"], manifest["wearer_id"]))


def check_told(manifest: Document, metadata: Document, system: str, is_enclosed: bool, verdict: Verdict) -> None:
    """What was told of the recording against what its camera signed. ``system``: the UUID whose namespace gives the
    wearer's, where he was not told of by the ID that people know; ``is_enclosed``: his controller signed who he is."""
    wanted = {"BWCSerialNumber": manifest["camera_serial"]}
    wearer, told = manifest["wearer_id"], metadata.get("UserID", "")
    if wearer and system:
        wearer = str(uuid.uuid5(uuid.UUID(system), wearer))
        verdict.tell(f"    who has there, in system {system}, the UUID {wearer}")
    if manifest.get("private") and is_enclosed:
        verdict.tell("who wore the camera it has sealed for its system, and only the controller tells (see below)")
    elif manifest.get("private"):
        verdict.skip("who wore the camera", "it has sealed that for its system; whoever runs that can open it")
    elif wearer or told not in NOBODIES:
        wanted["UserID"] = wearer
    # Others are written otherwise there.
    odd = [key for key, text in wanted.items() if text and not (PLAIN.match(text) or UUID_TEXT.match(text))]
    for key in [each for each in odd if metadata.get(each, "") != wanted[each]]:
        verdict.skip(f"{key} in container.meta.json", "it is written otherwise there")
        del wanted[key]
    for key, moment in (("StartTime", manifest["started"]), ("StopTime", manifest["stopped"])):
        if moment["source"] != "none":
            wanted[key] = str(moment["unix_ms"] // 1000)
    others = [key for key, text in wanted.items() if metadata.get(key, text) != text]
    verdict.say(
        not others, "container.meta.json tells it as the camera does" + "".join(f", not so {key}" for key in others)
    )


def check_clips(wanted: str, about: Document, digests: Digests, decrypted: str, verdict: Verdict) -> None:
    """Each clip against the manifest's digest."""
    names = [file_of(each) for each in about["objects"]]
    clips = [name for name in names if name.endswith(CLIP_ENDS)]
    text = "there is a clip" if clips else "there is no clip: it was taken away"
    verdict.say(len(clips) == 1, text if len(clips) < 2 else "there is more than the one clip of a recording")
    for clip in clips:
        text = f"{clip} is what the camera recorded"
        if clip.endswith(".mkv"):
            verdict.skip(text, "it was put into another container, as the destination wanted")
        elif clip.rpartition(".")[0] + ".key" not in names:
            verdict.say(digests.get(OBJECTS + clip) == wanted, text)
        elif decrypted:
            verdict.say(digest_of(decrypted) == wanted, f"{decrypted} is what the camera recorded")
        else:
            verdict.skip(text, f"it is encrypted: decrypt it, and name it with --clip; its SHA-256 must be {wanted}")


def check_enclosed(
    manifest: bytes, events: Events, about: Document, digests: Digests, track: str, verdict: Verdict
) -> None:
    """What goes beside the clip, and what is told of the recording, against what the controller was about to send."""
    files = {file_of(each): each for each in about["objects"]}
    beside = [name for name in files if not name.startswith("custody_") and not name.endswith((*CLIP_ENDS, ".key"))]
    sent = [line["details"] for _, line in events if line["event"] == "enclosed"]
    if not sent:
        if beside:
            verdict.skip(f"{few(beside)} as their controller sent them", "ledgers had no digests of them then")
        return
    key = hashlib.sha256(ENCLOSED_PREFIX + manifest).digest()
    told = {name: about["metadata"].get(name, "") for name in sent[-1]["container"]["keys"]}
    told = {name: text for name, text in told.items() if text and (name != "UserID" or text not in NOBODIES)}
    holds = keyed(key, {"metadata": told}) == sent[-1]["container"]["digest"]
    verdict.say(holds, "container.meta.json tells what the controller told: {}".format(", ".join(sorted(told))))
    stems = {name.rpartition(".")[0] for former in sent for name in (former["clip"], *former["objects"])} - {""}
    strays = [each for each in files if each.endswith((*CLIP_ENDS, ".key")) and each.rpartition(".")[0] not in stems]
    for name in strays:
        verdict.say(False, f"{name}: is nothing that its controller sent")
    for name in sorted(sent[-1]["objects"].keys() - {each["name"] for each in files.values()}):
        verdict.say(False, f"{name}: was taken away; its controller sent it")
    good = []
    for name in beside:
        digest = digests.get(OBJECTS + name)
        if name.endswith(".json") and name[: -len("json")] + "key" in files:
            if not track:
                verdict.skip(f"{name} as its controller sent it", "it is encrypted: decrypt it, name it with --track")
                continue
            digest = digest_of(track)
        listed = {"name": files[name]["name"], "metadata": files[name].get("metadata", {}), "sha256": digest}
        found = [keyed(key, listed) == former["objects"].get(listed["name"]) for former in sent]
        if found[-1]:
            good.append(name)
        elif any(found):
            verdict.tell(f"{name}: its controller left this out when it sent the recording anew")
        else:
            verdict.say(False, f"{name}: is not what its controller sent")
    if good:
        verdict.say(True, f"{few(good)} as their controller sent them")


def few(names: Sequence[str]) -> str:
    """How many, and the first of them."""
    return f"{len(names)} beside the clip, {', '.join(names[:OTHERS_NAMED])}{', ...' * (len(names) > OTHERS_NAMED)},"


def keyed(key: bytes, document: Document) -> str:
    """A digest as the ledger has it: without the manifest nobody can guess what it is of."""
    return hashlib.sha256(key + canonical(document)).hexdigest()


def check_owner(certificate: bytes, kind: str, serial: str, verdict: Verdict) -> None:
    """Whether a certificate is that of whoever is named, and for that purpose: one system's cameras have many."""
    text = f"the certificate that signed is {serial}'s own"
    if not openssl():
        verdict.skip(text, NO_OPENSSL)
        return
    words = "-noout", "-subject", "-nameopt", "sep_multiline,lname,utf8,esc_ctrl"
    with tempfile.TemporaryDirectory() as folder:
        told = run("x509", "-inform", "DER", "-in", write(os.path.join(folder, "c"), certificate), *words)
    fields = {line.strip() for line in (told or "").splitlines()}
    verdict.say({f"organizationalUnitName={kind}", f"serialNumber={serial}"} <= fields, text)


def file_of(listed: Document) -> str:
    """An object's name in the export."""
    return str(listed.get("file", listed["name"]))


def is_inside(folder: str, name: str) -> bool:
    """Whether a name is that of a file in the export itself, and of nothing that it leads to."""
    parts = re.split(r"[/\\]" if os.sep == "\\" else "/", name)
    if os.path.splitdrive(name)[0] or any(part in ("", ".", "..") for part in parts):
        return False
    places = [os.path.join(folder, *parts[: count + 1]) for count in range(len(parts))]
    return os.path.isfile(places[-1]) and not any(map(os.path.islink, places))


def check_root(chain: Sequence[bytes], root: str, text: str, verdict: Verdict) -> None:
    """Whether the certificates lead to the root that was named."""
    verdict.judge(leads_to(chain, root), text, NO_OPENSSL if root else NO_ROOT)


def when(unix_ms: int) -> str:
    """A moment in UTC."""
    return datetime.fromtimestamp(unix_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")  # noqa: UP017


def is_signed(certificate: bytes, message: bytes, signature: bytes) -> Optional[bool]:  # noqa: UP045
    """Whether the certificate's key signed it; None without ``openssl``."""
    if not openssl():
        return None
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, "key")
        paths = [write(os.path.join(folder, name), data) for name, data in (("m", message), ("s", signature))]
        der = write(os.path.join(folder, "certificate"), certificate)
        if run("x509", "-inform", "DER", "-in", der, "-pubkey", "-noout", "-out", key) is None:
            return False
        return run("dgst", "-sha256", "-verify", key, "-signature", paths[1], paths[0]) is not None


def leads_to(chain: Sequence[bytes], root: str) -> Optional[bool]:  # noqa: UP045
    """Whether the certificates lead to the root; None if it was not named. Time is not asked: evidence is old."""
    if not root or not openssl():
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
        return run("verify", *options, leaf) is not None


def openssl() -> str:
    """The program, from the folders that this machine runs programs from; empty if there is none. Windows would look
    into the folder that somebody stands in, too, and that may be an export."""
    name = "openssl.exe" if os.name == "nt" else "openssl"
    places = [os.path.join(each, name) for each in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(each)]
    return next((each for each in places if os.path.isfile(each) and os.access(each, os.X_OK)), "")


def run(*arguments: str) -> Optional[str]:  # noqa: UP045
    """What ``openssl`` said; None if it was not content."""
    command = [openssl(), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


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
    """A small file of the export."""
    if not is_inside(folder, name):
        raise ValueError(f"{name} is not there, or leads elsewhere")
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def write(path: str, data: bytes) -> str:
    """A small file; its path."""
    with open(path, "wb") as file:
        file.write(data)
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
