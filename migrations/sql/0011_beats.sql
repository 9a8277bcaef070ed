-- When the holder of a lease last beat, by the database's clock, and how long a silence is usual: for who asks how
-- Revisor is.
-- Who may act goes by the beat alone, as ever: no clock decides that.

ALTER TABLE work.leases ADD COLUMN beaten_at timestamptz;
ALTER TABLE work.leases ADD COLUMN believed_s double precision;
