-- A whole database of use, in steps. :scans scans of :each images, over :days days; see full_seed.py. Binds: scans, each, images, days,
-- webp (a picture), corrected (one image in so many).
CREATE UNLOGGED TABLE made AS
SELECT n, sha256(n::text::bytea) AS sha, kind, surest, surest < 0.9 AS uncertain, d < 12 AS torn, n % 33 = 1 AS copy, c < 96 AS cached,
    array_position(ARRAY['xray', 'ct', 'mri', 'ultrasound', 'other_medical', 'non_medical'], kind) AS place,
    CASE WHEN n / :each < :scans / 3 THEN 'model-1' ELSE 'model-2' END AS model,
    CASE WHEN n % :corrected <> 0 OR n % 33 = 1 THEN NULL WHEN n % 7 < 4 THEN kind WHEN n % 7 < 5 THEN 'ct' ELSE 'other_medical' END
        AS said
FROM (
    SELECT n, get_byte(h, 0) AS b, get_byte(h, 1) AS c, get_byte(h, 2) AS d, 1 - power(get_byte(h, 3) / 256.0, 6) * 0.62 AS surest
    FROM generate_series(0, :images - 1) AS n, LATERAL (SELECT sha256(('x' || n)::bytea) AS h) AS hashed
) AS bytes, LATERAL (
    SELECT CASE WHEN b < 20 THEN 'xray' WHEN b < 44 THEN 'ct' WHEN b < 62 THEN 'mri' WHEN b < 70 THEN 'ultrasound'
        WHEN b < 100 THEN 'other_medical' ELSE 'non_medical' END AS kind
) AS told
;
INSERT INTO scans (id, kind, target, url, host, title, status, model_version, created_at, started_at, finished_at, timings_ms, found,
    unique_images, medical, uncertain, disagreeing, corrected, cached, xray, ct, mri, ultrasound, other_medical, non_medical,
    confidence_bins, previews, modalities)
SELECT md5(n::text)::uuid, CASE WHEN n % 10 = 0 THEN 'pdf' ELSE 'page' END, url, url, 'site' || n / 100 || '.example',
    'Case ' || n || ' of ' || md5(n::text), CASE WHEN n % 500 = 0 THEN 'failed' WHEN n % 40 = 0 THEN 'partial' ELSE 'done' END,
    CASE WHEN n < :scans / 3 THEN 'model-1' ELSE 'model-2' END, at, at, at + interval '3 s',
    jsonb_build_object('fetch', 80 + n % 300, 'render', 900 + n % 2500, 'extract', 10 + n % 40, 'decode', 40 + n % 90,
        'classify', 30 + n % 200, 'store', 10 + n % 30, 'total', 1100 + n % 3000), :each + n % 7,
    unique_images, medical, unsure, torn, corrected, cached, xray, ct, mri, ultrasound, other_medical, non_medical, bins, previews, met
FROM (
    SELECT n / :each AS n, count(*) AS unique_images, count(*) FILTER (WHERE shown <> 'non_medical') AS medical,
        count(*) FILTER (WHERE uncertain AND said IS NULL) AS unsure, count(*) FILTER (WHERE torn) AS torn, count(said) AS corrected,
        count(*) FILTER (WHERE cached) AS cached, count(*) FILTER (WHERE shown = 'xray') AS xray,
        count(*) FILTER (WHERE shown = 'ct') AS ct, count(*) FILTER (WHERE shown = 'mri') AS mri,
        count(*) FILTER (WHERE shown = 'ultrasound') AS ultrasound, count(*) FILTER (WHERE shown = 'other_medical') AS other_medical,
        count(*) FILTER (WHERE shown = 'non_medical') AS non_medical,
        ARRAY[0, 0, 0, count(*) FILTER (WHERE surest < 0.4), count(*) FILTER (WHERE surest BETWEEN 0.4 AND 0.4999), 0, 0,
            count(*) FILTER (WHERE surest BETWEEN 0.5 AND 0.7999), count(*) FILTER (WHERE surest BETWEEN 0.8 AND 0.8999),
            count(*) FILTER (WHERE surest >= 0.9)]::integer[] AS bins,
        coalesce((array_agg(encode(sha, 'hex') ORDER BY surest DESC) FILTER (WHERE shown <> 'non_medical'))[1:6], '{}') AS previews,
        array_agg(DISTINCT shown) AS met
    FROM made, LATERAL (SELECT coalesce(said, kind) AS shown) AS answer WHERE NOT copy GROUP BY 1
) AS counted, LATERAL (
    SELECT now() - interval '1 hour' - (:scans - 1 - n) * (:days * interval '1 day' / :scans) AS at,
        'https://site' || n / 100 || '.example/teaching/' || md5(n::text) AS url
) AS facts
;
INSERT INTO images (sha256, width, height, format, size, phash, created_at)
SELECT sha, 200 + n % 900, 200 + n % 700, 'jpeg', 1000 + n % 90000, substr(encode(sha, 'hex'), 1, 16), now() FROM made ORDER BY sha
;
INSERT INTO verdicts (sha256, model_version, modality, is_medical, confidence, uncertain, medical_sure, contains, agree, probabilities, members,
    created_at)
SELECT sha, model, kind, kind <> 'non_medical', surest, uncertain, surest >= 0.8, array_remove(ARRAY[kind], 'non_medical'), NOT torn, chances,
    jsonb_build_object('cnn', to_jsonb(chances), 'clip', to_jsonb(chances)), now()
FROM made, LATERAL (SELECT 1 - surest AS rest) AS left_over, LATERAL (
    SELECT array_agg(CASE WHEN i = place THEN surest WHEN i = place % 6 + 1 THEN rest * 0.7 ELSE rest * 0.075 END ORDER BY i)::float8[]
        AS chances
    FROM generate_series(1, 6) AS i
) AS spread
WHERE NOT copy ORDER BY sha
;
INSERT INTO scan_images (scan_id, sha256, position, near_duplicate_of, cached, places)
SELECT md5((n / :each)::text)::uuid, sha, n % :each, CASE WHEN copy THEN sha256((n - 1)::text::bytea) END, cached,
    jsonb_build_array(jsonb_build_object('url', 'https://site.example/' || n || '.jpg', 'kind', 'img', 'alt', 'Figure ' || n))
FROM made
;
INSERT INTO thumbnails (sha256, webp)
SELECT sha, :webp FROM made WHERE NOT copy AND (kind <> 'non_medical' OR uncertain OR torn) ORDER BY sha
;
INSERT INTO feedback (sha256, modality, previous, model_version, created_at)
SELECT sha, said, kind, model, now() - n % :days * interval '1 day' FROM made WHERE said IS NOT NULL
;
UPDATE images SET corrected_as = said FROM made WHERE sha = sha256 AND said IS NOT NULL
;
INSERT INTO review_queue (sha256, model_version, modality, score, phash)
SELECT sha, model, kind, 2 * (1 - surest) + CASE WHEN torn THEN 0.5 ELSE 0 END, substr(sha, 1, 8)
FROM made WHERE NOT copy AND (uncertain OR torn) AND said IS NULL ORDER BY sha
;
INSERT INTO heatmaps (sha256, model_version, png) SELECT sha, model, :webp FROM made WHERE NOT copy AND n % 400 = 3
;
-- one picture that stands on one page of twenty
INSERT INTO scan_images (scan_id, sha256, position, cached, places)
SELECT md5(n::text)::uuid, sha256('0'::bytea), 999, true, '[{"kind": "img"}]' FROM generate_series(20, :scans - 1, 20) AS n
;
DROP TABLE made
