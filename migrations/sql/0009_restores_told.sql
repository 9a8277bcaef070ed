-- Restores are few and told of over and over: they are found without reading the log.

CREATE INDEX restores ON log.events (notification_id) WHERE topic = 'restore.acknowledged';
