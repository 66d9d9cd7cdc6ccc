"""Commands about how cameras behave and are called: profiles, the catalogue of settings, names, categories."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandGroup, Gate, command
from host_tools.controller.domain import PAGE_ROWS_MAX, Domain, Page
from host_tools.controller.wearer_commands import Search
from host_tools.system import catalogue
from host_tools.system.records import (
    CameraEntry,
    CameraSerial,
    Category,
    Description,
    Models,
    OptionalText,
    Profile,
    ProfileName,
    Settings,
    Word,
    Words,
)
from host_tools.system.system import Edit, make

Row = dict[str, Any]
ByModel = Annotated[dict[str, Settings], Field(max_length=64)]


class ProfileCommands(CommandGroup):
    """A facade of the domain's profiles, camera names and categories."""

    def __init__(self, gate: Gate, domain: Domain) -> None:
        super().__init__(gate)
        self._domain = domain

    @command
    async def setting_catalogue(self, actor: Actor) -> dict[str, Any]:
        """Every setting a profile can hold, and what each known model cannot do."""
        return {
            "settings": [setting_row(setting) for setting in catalogue.CATALOGUE],
            "models": {
                model: {"entry": each.entry, "qualities": sorted(each.qualities), "has": sorted(each.has)}
                for model, each in sorted(self._domain.system.abilities.items())
            },
        }

    @command
    async def list_profiles(self, actor: Actor) -> list[Row]:
        """All profiles, with how many wearers have each, and what each model cannot do of it."""
        wearers = list(self._domain.system.wearers.values())
        counts = dict.fromkeys(self._domain.system.profiles, 0)
        for wearer in wearers:
            counts[wearer.profile] = counts.get(wearer.profile, 0) + 1
        return [
            {**self._full(profile), "wearers": counts[name]}
            for name, profile in sorted(self._domain.system.profiles.items())
        ]

    @command
    async def get_profile(self, actor: Actor, name: ProfileName) -> Row:
        """One profile."""
        found = self._domain.one("profile", name)
        return self._full(make(Profile, found.model_dump()))

    @command
    async def put_profile(
        self,
        actor: Actor,
        name: ProfileName,
        version: int,
        description: Description = "",
        models: Models = (),
        settings: Settings | None = None,
        by_model: ByModel | None = None,
    ) -> Row:
        """A new profile (``version`` 0), or one changed as a whole. Cameras take it at once where they are docked."""
        profile = make(
            Profile,
            {
                "name": name,
                "description": description,
                "models": models,
                "settings": settings or {},
                "by_model": by_model or {},
            },
        )
        await self._domain.put(actor, profile, version)
        return self._full(profile)

    @command
    async def remove_profile(self, actor: Actor, name: ProfileName, version: int | None = None) -> None:
        """Take out a profile that nobody has."""
        await self._domain.remove(actor, "profile", name, version)

    # -- what people write on cameras

    @command
    async def list_camera_entries(
        self, actor: Actor, search: Search = "", after: Search = "", limit: int = PAGE_ROWS_MAX
    ) -> Page:
        """Names and tags of cameras, by serial."""
        return self._domain.page(self._domain.system.cameras.values(), search, after, limit)

    @command
    async def change_camera(
        self,
        actor: Actor,
        serial: CameraSerial,
        version: int | None = None,
        name: OptionalText | None = None,
        tags: Words | None = None,
    ) -> Row:
        """Give a camera a name, or tags to find it by."""

        def change(edit: Edit) -> CameraEntry:
            known = edit.state.cameras.get(serial) or make(CameraEntry, {"serial": serial})
            given = {"name": name, "tags": tags}
            changes = {key: value for key, value in given.items() if value is not None}
            entry = make(CameraEntry, {**known.model_dump(), **changes})
            edit.put(entry, version)
            return entry

        return self._domain.row(await self._domain.change(actor, change))

    # -- categories

    @command
    async def list_categories(self, actor: Actor) -> list[Row]:
        """What recordings can be filed under."""
        return [self._domain.row(each) for _, each in sorted(self._domain.system.categories.items())]

    @command
    async def put_category(
        self,
        actor: Actor,
        name: Word,
        version: int,
        retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None,
        description: Description = "",
    ) -> Row:
        """A new category (``version`` 0), or one changed as a whole."""
        values = {"name": name, "retention_days": retention_days, "description": description}
        return await self._domain.put(actor, make(Category, values), version)

    @command
    async def remove_category(self, actor: Actor, name: Word, version: int | None = None) -> None:
        """Take a category out; recordings that are filed under it stay so."""
        await self._domain.remove(actor, "category", name, version)

    def _full(self, profile: Profile) -> Row:
        unsupported = {
            model: lines
            for model in sorted(self._domain.system.abilities)
            if (lines := self._domain.system.unsupported(profile.name, model))
        }
        return {**self._domain.row(profile), "unsupported": unsupported}


def setting_row(setting: catalogue.Setting) -> Row:
    """A setting of the catalogue, for pages and programs."""
    return {
        "name": setting.name,
        "group": setting.group,
        "choices": list(setting.choices),
        "default": setting.default,
        "needs": list(setting.needs),
        "text": setting.text,
        "requirement": setting.requirement,
        "obeyed": setting.name in catalogue.OBEYED,
    }
