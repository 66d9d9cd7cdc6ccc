"""Commands about wearers: who they are, which camera is always theirs, and their RFID tags."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.audited import AuditedAs, ends_of
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.domain import PAGE_ROWS_MAX, Domain, Page
from host_tools.system.errors import SystemRefused
from host_tools.system.records import (
    CameraSerial,
    Email,
    FixedAssignment,
    OptionalText,
    ProfileName,
    RfidTag,
    RfidTags,
    Wearer,
    WearerId,
    WearerName,
)
from host_tools.system.system import Edit, make

Row = dict[str, Any]
SEARCH_CHARACTERS_MAX = 120  # as much as a person types into a search box
TECHNOLOGY_CHARACTERS_MAX = 30  # the longest word that a reader has for one is half of that
Technology = Annotated[str, Field(max_length=TECHNOLOGY_CHARACTERS_MAX)]
BadgeTag = Annotated[RfidTag, AuditedAs(ends_of)]
BadgeTags = Annotated[RfidTags, AuditedAs(ends_of)]
Search = Annotated[str, Field(max_length=SEARCH_CHARACTERS_MAX)]


class WearerCommands(CommandGroup):
    """A facade of the domain's wearers and assignments."""

    def __init__(self, gate: Gate, domain: Domain) -> None:
        super().__init__(gate)
        self._domain = domain

    @command
    async def list_wearers(
        self, actor: Actor, search: Search = "", after: Search = "", limit: int = PAGE_ROWS_MAX
    ) -> Page:
        """Wearers by id, with the cameras that are theirs."""
        page = self._domain.page(self._domain.system.wearers.values(), search, after, limit)
        page["rows"] = [self._with_cameras(row) for row in page["rows"]]
        return page

    @command
    async def get_wearer(self, actor: Actor, id: WearerId) -> Row:
        """One wearer."""
        return self._with_cameras(self._domain.row(self._domain.one("wearer", id)))

    @command
    async def add_wearer(
        self,
        actor: Actor,
        id: WearerId,
        name: WearerName,
        profile: ProfileName | None = None,
        email: Email = "",
        tags: BadgeTags = (),
        prioritised: bool = False,
    ) -> Row:
        """A new wearer; without a profile, with the system's default one."""
        chosen = profile or self._domain.system.settings.default_profile
        wearer = make(
            Wearer,
            {"id": id, "name": name, "profile": chosen, "email": email, "tags": tags, "prioritised": prioritised},
        )
        return self._with_cameras(await self._domain.put(actor, wearer, 0))

    @command
    async def change_wearer(
        self,
        actor: Actor,
        id: WearerId,
        version: int,
        name: WearerName | None = None,
        profile: ProfileName | None = None,
        email: Email | None = None,
        tags: Annotated[RfidTags | None, AuditedAs(ends_of)] = None,
        prioritised: bool | None = None,
        linked_username: OptionalText | None = None,
    ) -> Row:
        """Change what is given of a wearer. ``version``: the one that was looked at."""
        given = {
            "name": name,
            "profile": profile,
            "email": email,
            "tags": tags,
            "prioritised": prioritised,
            "linked_username": linked_username,
        }
        changes = {key: value for key, value in given.items() if value is not None}
        return self._with_cameras(await self._change(actor, id, version, changes))

    @command
    async def remove_wearer(self, actor: Actor, id: WearerId, version: int | None = None) -> None:
        """Take a wearer out, with the cameras that were always theirs. Recordings stay in their name."""

        def change(edit: Edit) -> None:
            for assignment in list(edit.state.assignments.values()):
                if assignment.wearer == id:
                    edit.remove("assignment", assignment.camera)
            if id in edit.state.priorities:
                edit.remove("priority", id)
            edit.remove("wearer", id, version)

        await self._domain.change(actor, change)

    @command
    async def pair_tag(self, actor: Actor, wearer: WearerId, tag: BadgeTag, technology: Technology = "") -> Row:
        """Give a wearer an RFID tag. A tag of somebody else is refused, and a number that names nobody.
        ``technology``: what a reader says that it is, empty for one that was typed."""

        def change(edit: Edit) -> Wearer:
            known = _wearer(edit, wearer)
            if technology:
                edit.state.technologies[tag] = technology
            paired = make(Wearer, {**known.model_dump(), "tags": (*known.tags, tag)})
            edit.put(paired)
            return paired

        return self._with_cameras(self._domain.row(await self._domain.change(actor, change)))

    @command
    async def unpair_tag(self, actor: Actor, wearer: WearerId, tag: BadgeTag) -> Row:
        """Take an RFID tag from a wearer: a lost card opens nothing any more."""

        def change(edit: Edit) -> Wearer:
            known = _wearer(edit, wearer)
            if tag not in known.tags:
                raise SystemRefused(f"{known.name} has no tag {tag}: look at the list again")
            left = known.model_copy(update={"tags": tuple(each for each in known.tags if each != tag)})
            edit.put(left)
            return left

        return self._with_cameras(self._domain.row(await self._domain.change(actor, change)))

    # -- cameras that are always somebody's

    @command
    async def list_assignments(self, actor: Actor) -> list[Row]:
        """Which camera is always whose, by camera."""
        found = sorted(self._domain.system.assignments.values(), key=lambda each: each.camera)
        return [self._domain.row(each) for each in found]

    @command
    async def assign_camera(
        self, actor: Actor, camera: CameraSerial, wearer: WearerId, version: int | None = None
    ) -> Row:
        """A camera is always this wearer's from now on, and nobody else's. ``version``: of whose it was seen to be, 0
        for nobody's."""
        if self._domain.system.settings.assignment_mode != "fixed":
            raise CommandError("cameras are taken as they come in this system: tap a badge at a reader instead")
        return await self._domain.put(actor, make(FixedAssignment, {"camera": camera, "wearer": wearer}), version)

    @command
    async def unassign_camera(self, actor: Actor, camera: CameraSerial, version: int | None = None) -> None:
        """A camera is nobody's from now on."""
        await self._domain.remove(actor, "assignment", camera, version)

    # -- inside

    async def _change(self, actor: Actor, wearer_id: str, version: int, changes: dict[str, Any]) -> Row:
        def change(edit: Edit) -> Wearer:
            edit.require_seen("wearer", wearer_id, version)
            changed = make(Wearer, {**_wearer(edit, wearer_id).model_dump(), **changes})
            edit.put(changed, version)
            return changed

        return self._domain.row(await self._domain.change(actor, change))

    def _with_cameras(self, row: Row) -> Row:
        return {**row, "cameras": self._domain.system.state.cameras_of(row["id"])}


def _wearer(edit: Edit, wearer_id: str) -> Wearer:
    known = edit.state.wearers.get(wearer_id)
    if known is None:
        raise SystemRefused(f"no wearer has the id {wearer_id}: see the list of wearers")
    return known
