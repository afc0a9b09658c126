"""Many scans at once, by SQL: for tests that look at plans and pages, not at how rows come about."""

from __future__ import annotations

from sqlalchemy import text

from server.store.database import Database

# One scan in 50 has a CT, one in 500 an ultrasound; one in 10 is a PDF, one in 1000 failed; a site has about 100 pages.
SCANS = """
INSERT INTO scans (id, kind, target, url, host, title, status, model_version, created_at, started_at, finished_at, timings_ms,
    found, unique_images, medical, ct, ultrasound, non_medical, uncertain, modalities, confidence_bins)
SELECT gen_random_uuid(), CASE WHEN n % 10 = 0 THEN 'pdf' ELSE 'page' END, 'x', url, 'site' || n / 100 || '.example',
    'Case ' || n || ' of ' || md5(n::text), CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'done' END, 'model-1',
    at, at, at + interval '1 s', jsonb_build_object('total', n % 100),
    12, 10, has_ct + has_us, has_ct, has_us, 10 - has_ct - has_us, (n % 333 = 0)::int,
    array_remove(ARRAY[CASE WHEN has_ct > 0 THEN 'ct' END, CASE WHEN has_us > 0 THEN 'ultrasound' END, 'non_medical'], NULL),
    ARRAY[0, 0, 0, 0, 0, 0, 0, 0, 1, 9]
FROM generate_series(1, :scans) AS n,
    LATERAL (SELECT timestamptz '2030-01-01' - n * interval '7 minutes' AS at,
        (n % 50 = 0)::int AS has_ct, (n % 500 = 0)::int AS has_us,
        'https://site' || n / 100 || '.example/teaching/' || md5(n::text) AS url) AS facts
"""
IMAGES = """
INSERT INTO images (sha256, width, height, format, size)
SELECT sha256(n::text::bytea), 640, 480, 'jpeg', 1000 FROM generate_series(1, :images) AS n
"""
VERDICTS = """
INSERT INTO verdicts
    (sha256, model_version, modality, is_medical, confidence, uncertain, medical_sure, agree, probabilities, members)
SELECT sha256, 'model-1', 'non_medical', false, 0.5 + get_byte(sha256, 0) / 512.0, get_byte(sha256, 1) = 0, true, true,
    ARRAY[0, 0, 0, 0, 0, 1], '{"cnn": [0, 0, 0, 0, 0, 1]}' FROM images
"""
SCAN_IMAGES = """
INSERT INTO scan_images (scan_id, sha256, position, cached, places)
SELECT id, sha256(((row_number - 1) * :each + position + 1)::text::bytea), position, false, '[{"kind": "img"}]'
FROM (SELECT id, row_number() OVER (ORDER BY created_at) AS row_number FROM scans) AS numbered,
    generate_series(0, :each - 1) AS position
"""


async def seed(database: Database, scans: int, images_each: int = 0) -> None:
    """Fill an empty database with `scans` scans of `images_each` images, each image in one scan; then let Postgres look at them."""
    async with database.begin() as connection:
        await connection.execute(text(SCANS), {"scans": scans})
        if images_each:
            await connection.execute(text(IMAGES), {"images": scans * images_each})
            await connection.execute(text(VERDICTS))
            await connection.execute(text(SCAN_IMAGES), {"each": images_each})
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))
