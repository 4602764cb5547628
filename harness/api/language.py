"""Language models, decoding and attacks on text."""

from harness.contract.language import AnsweringModel as AnsweringModel
from harness.contract.language import AnswerLimits as AnswerLimits
from harness.contract.language import Chat as Chat
from harness.contract.language import Decoding as Decoding
from harness.contract.language import Dialogue as Dialogue
from harness.contract.language import DifferentiableLanguageModel as DifferentiableLanguageModel
from harness.contract.language import Edited as Edited
from harness.contract.language import EndsOfTurn as EndsOfTurn
from harness.contract.language import Incremental as Incremental
from harness.contract.language import LanguageModel as LanguageModel
from harness.contract.language import PaddedIncremental as PaddedIncremental
from harness.contract.language import Prompted as Prompted
from harness.contract.language import Reply as Reply
from harness.contract.language import TextAttack as TextAttack
from harness.contract.language import TextBatch as TextBatch
from harness.contract.language import TextClassifier as TextClassifier
from harness.contract.language import Turn as Turn
