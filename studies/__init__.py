"""What to train and what is recorded: trials, studies, schemas and the results store."""

from studies.errors import UserError
from studies.trial import Trial

__all__ = ["Trial", "UserError"]
