#!/bin/sh
# Makes Revisor's two roles in a new database server: the owner (migrations only) and the application, which may read
# the log and append to it. Run once by the image, when its volume is empty; the passwords come from the environment
# and are put on no command line, where every process of the machine could read them.
set -eu

: "${REVISOR_DB_OWNER_PASSWORD:?is not set}" "${REVISOR_DB_PASSWORD:?is not set}"

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner_password REVISOR_DB_OWNER_PASSWORD
\getenv application_password REVISOR_DB_PASSWORD
\getenv database POSTGRES_DB
CREATE ROLE revisor_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE revisor LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'application_password';
ALTER DATABASE :"database" OWNER TO revisor_owner;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO revisor;
SQL
