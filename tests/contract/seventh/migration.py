"""The migration of another modality, to be copied: the columns that count it, and a zero in what is stored of earlier answers.

NEW stands before `non_medical`, so its number is the one before the last. Going down, verdicts and corrections that say it go.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "REVISION"
down_revision = "DOWN_REVISION"
branch_labels = None
depends_on = None

NEW, PLACE = "nuclear", 5
TRIGGER = "medlens_days_of_changed_scans"
# Verdicts hold their numbers three times: as an array, as {member: [numbers]}, and in each panel, which is a verdict itself.
RESTATE = """
CREATE FUNCTION pg_temp.numbers(told jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT {json} $$;
CREATE FUNCTION pg_temp.members(told jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT coalesce(jsonb_object_agg(key, pg_temp.numbers(value)), '{{}}') FROM jsonb_each(told) $$;
CREATE FUNCTION pg_temp.panels(told jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT jsonb_agg(panel || jsonb_build_object('probabilities', pg_temp.numbers(panel -> 'probabilities'),
        'members', pg_temp.members(panel -> 'members')) ORDER BY place)
    FROM jsonb_array_elements(told) WITH ORDINALITY AS listed (panel, place) $$;
UPDATE verdicts SET probabilities = {array}, members = pg_temp.members(members), panels = pg_temp.panels(panels);
DROP FUNCTION pg_temp.panels, pg_temp.members, pg_temp.numbers;
"""


def upgrade() -> None:
    op.add_column("scans", sa.Column(NEW, sa.Integer(), server_default=sa.text("0"), nullable=False))
    newest = [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    op.create_index(f"ix_scans_has_{NEW}", "scans", newest, postgresql_where=sa.text(f"deleted_at IS NULL AND {NEW} > 0"))
    op.add_column("figures_days", sa.Column(NEW, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    _notice(f"a.{NEW}, a.non_medical", "a.non_medical", f"b.{NEW}, b.non_medical", "b.non_medical")
    array = f"probabilities[:{PLACE}] || 0::float8 || probabilities[{PLACE + 1}:]"
    _restate(json=f"jsonb_insert(told, '{{{PLACE}}}', '0')", array=array)


def downgrade() -> None:
    op.execute(f"DELETE FROM feedback WHERE '{NEW}' IN (modality, previous)")
    op.execute(f"UPDATE images SET corrected_as = NULL WHERE corrected_as = '{NEW}'")
    op.execute(f"DELETE FROM verdicts WHERE modality = '{NEW}' OR panels @> '[{{\"modality\": \"{NEW}\"}}]'")
    _restate(json=f"told - {PLACE}", array=f"probabilities[:{PLACE}] || probabilities[{PLACE + 2}:]")
    _notice("a.non_medical", f"a.{NEW}, a.non_medical", "b.non_medical", f"b.{NEW}, b.non_medical")
    op.drop_column("figures_days", NEW)
    op.drop_column("scans", NEW)


def _restate(*, json: str, array: str) -> None:
    """Rewrite the numbers of every verdict, as a list of JSON `told` and as an array."""
    for statement in RESTATE.format(json=json, array=array).split(";\n")[:-1]:
        op.execute(statement.replace(":", "\\:"))


def _notice(*replaced: str) -> None:
    """The trigger that notes which days changed, with the columns it compares: pairs of what is written and what was."""
    body = op.get_bind().scalar(sa.text("SELECT prosrc FROM pg_proc WHERE proname = :name"), {"name": TRIGGER})
    for now, before in zip(replaced[::2], replaced[1::2], strict=True):
        body = body.replace(before, now)
    made = f"CREATE OR REPLACE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
    op.execute(made.replace(":", "\\:"))
