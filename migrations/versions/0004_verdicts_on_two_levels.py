"""Verdicts on two levels, what a figure contains, and history by every modality that an image is or contains.

`verdicts.medical_sure`: medical or not is sure. What was judged before had one threshold for both questions, so its answer to the
first is taken for sure where the whole answer was. `verdicts.contains`: the modalities of an image's medical parts, taken from its
panels where there are some. `scans.modalities`: what the history is filtered by; the counts by modality still add up to the images.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NON_MEDICAL = "non_medical"
MODALITIES = ("xray", "ct", "mri", "ultrasound", "other_medical", NON_MEDICAL)
NEWEST: tuple[sa.ColumnElement[object], ...] = (sa.literal_column("created_at DESC"), sa.literal_column("id DESC"))

# In each panel of a figure what its own columns would say.
PANELS = f"""
UPDATE verdicts SET panels = (
    SELECT jsonb_agg(panel || jsonb_build_object(
        'medical_sure', NOT (panel ->> 'uncertain')::boolean,
        'contains', CASE WHEN panel ->> 'modality' = '{NON_MEDICAL}' THEN '[]' ELSE jsonb_build_array(panel ->> 'modality') END
    ) ORDER BY place)
    FROM jsonb_array_elements(panels) WITH ORDINALITY AS every (panel, place)
) WHERE panels IS NOT NULL
"""
PARTS = f"""
UPDATE verdicts SET contains = ARRAY(
    SELECT name FROM unnest(ARRAY{list(MODALITIES[:-1])}) WITH ORDINALITY AS every (name, place)
    WHERE name = modality OR EXISTS (
        SELECT FROM jsonb_array_elements(coalesce(panels, '[]')) AS panel WHERE panel ->> 'modality' = name
    ) ORDER BY place
) WHERE is_medical
"""
COUNTED = ", ".join(f"CASE WHEN {name} > 0 THEN '{name}' END" for name in MODALITIES)
FIGURES = f"""
UPDATE scans SET modalities = ARRAY(
    SELECT name FROM unnest(ARRAY{list(MODALITIES)}) WITH ORDINALITY AS every (name, place)
    WHERE name = ANY (modalities || parts.names) ORDER BY place
)
FROM (
    SELECT scan_id, array_agg(DISTINCT name) AS names
    FROM scan_images JOIN scans ON scans.id = scan_images.scan_id JOIN images USING (sha256)
    JOIN verdicts ON verdicts.sha256 = scan_images.sha256 AND verdicts.model_version = scans.model_version,
    unnest(verdicts.contains) AS name
    WHERE cardinality(contains) > 1 AND corrected_as IS NULL AND near_duplicate_of IS NULL
    GROUP BY scan_id
) AS parts WHERE parts.scan_id = scans.id
"""


def upgrade() -> None:
    op.add_column("verdicts", sa.Column("medical_sure", sa.Boolean(), nullable=True))
    op.add_column("verdicts", sa.Column("contains", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False))
    op.execute("UPDATE verdicts SET medical_sure = NOT uncertain")
    op.alter_column("verdicts", "medical_sure", nullable=False)
    op.execute(PANELS)
    op.execute(PARTS)
    op.add_column("scans", sa.Column("modalities", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False))
    op.execute(f"UPDATE scans SET modalities = array_remove(ARRAY[{COUNTED}], NULL)")
    op.execute(FIGURES)
    for name in MODALITIES:
        op.drop_index(f"ix_scans_has_{name}", "scans")
        containing = sa.text(f"deleted_at IS NULL AND '{name}' = ANY (modalities)")
        op.create_index(f"ix_scans_has_{name}", "scans", [*NEWEST], postgresql_where=containing)


def downgrade() -> None:
    for name in MODALITIES:
        op.drop_index(f"ix_scans_has_{name}", "scans")
        op.create_index(f"ix_scans_has_{name}", "scans", [*NEWEST], postgresql_where=sa.text(f"deleted_at IS NULL AND {name} > 0"))
    op.drop_column("scans", "modalities")
    op.drop_column("verdicts", "contains")
    op.drop_column("verdicts", "medical_sure")
    op.execute("""
    UPDATE verdicts SET panels = (
        SELECT jsonb_agg(panel - 'medical_sure' - 'contains' ORDER BY place)
        FROM jsonb_array_elements(panels) WITH ORDINALITY AS every (panel, place)
    ) WHERE panels IS NOT NULL
    """)
