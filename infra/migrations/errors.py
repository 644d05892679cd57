"""What can go wrong while migrating.

MigrationError
├── D1SqlError           the database refused a statement; nothing of its batch is there
│   └── RowsLost         a batch would have lost rows that it was to keep
├── D1Unavailable        no answer, or one that leaves open whether the batch was carried out
├── D1Refused            the API refused the call (credentials, unknown database, bad request)
├── ChangedMigration     a file differs from what was applied
├── MisorderedMigration  a new file has a number that was passed already
├── IncompatibleCode     the schema is newer than this code can run on
├── PrematureContraction the release that serves still needs what a migration takes away
├── RefusedMigration     a file isn't safe to apply; nothing of it was run
├── MigrationFailed      a migration can't be applied; the database is as before it
└── WriterBusy           another writer holds the lease
"""


class MigrationError(Exception):
    """Base of all; each message is one sentence or two, without SQL, data or secrets."""


class D1SqlError(MigrationError):
    """The database refused a statement of a batch, and so the whole batch."""


class RowsLost(D1SqlError):
    """A batch was taken back because rows were missing at its end. `tables` are theirs."""

    def __init__(self, tables: tuple[str, ...]) -> None:
        super().__init__(f"rows of {', '.join(tables) or 'a table'} would be lost or changed")
        self.tables = tables


class D1Unavailable(MigrationError):
    """The API gave no usable answer: whether the batch was carried out is unknown."""


class D1Refused(MigrationError):
    """The API refused the call; nothing was carried out. `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_of_token(self) -> bool:
        """Whether the token lacks the permission, or is none."""
        return self.status in {401, 403}


class ChangedMigration(MigrationError):
    """A migration file was changed after it had been applied."""


class MisorderedMigration(MigrationError):
    """A pending migration's number isn't above that of every applied one."""


class IncompatibleCode(MigrationError):
    """The database's schema is newer than this code can run on."""


class PrematureContraction(MigrationError):
    """A migration takes away what the release that serves still needs."""


class RefusedMigration(MigrationError):
    """A migration file isn't safe to apply, and nothing of it was run."""


class MigrationFailed(MigrationError):
    """A migration was refused by the database, which is as it was before that migration."""


class WriterBusy(MigrationError):
    """Another writer migrates this database and hasn't finished in time."""
