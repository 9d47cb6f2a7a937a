"""What is read elsewhere, and with which credentials: by settings only, never by a request."""

from __future__ import annotations

from pydantic import Field, SecretStr

from features.errors import BadInputError
from features.records.settings import RecordsSettings
from serving.pulling.web import check_address


class PullSettings(RecordsSettings):
    """Other systems to read; every field is read from ``SKILLPATH_<NAME>``."""

    lrs_url: str = Field(
        default="", description="Statements resource of another xAPI store; ends with /statements."
    )
    lrs_user: str = Field(default="", description="User name there, for HTTP Basic.")
    lrs_password: SecretStr = Field(default=SecretStr(""), description="Password there.")
    moodle_url: str = Field(default="", description="Address of a Moodle whose courses are read.")
    moodle_token: SecretStr = Field(
        default=SecretStr(""), description="Token of a web service of that Moodle."
    )
    catalogue_pages: str = Field(
        default="", description="Addresses of pages with schema.org courses (JSON-LD), blank-separated."
    )

    def address(self, name: str) -> str:
        """Return the address in a setting; raise BadInputError where there is none, or one that is not read."""
        value: str = getattr(self, name)
        setting = f"SKILLPATH_{name.upper()}"
        if not value:
            raise BadInputError(f"The setting {setting} is empty.", hint="It says what is to be read.")
        return check_address(value, setting)

    @property
    def pages(self) -> list[str]:
        """The pages to read, each checked."""
        return [check_address(url, "SKILLPATH_CATALOGUE_PAGES") for url in self.catalogue_pages.split()]
