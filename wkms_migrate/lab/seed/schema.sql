-- The source database of the WKMS as it stands on Azure Database for MySQL.
-- Loads on MySQL 8.4 and 9.x; on MariaDB the parts inside /*!8xxxx ... */ fall away.
-- Statements end with the delimiter at the end of a line, so that a small reader can split them.

SET NAMES utf8mb4;
SET SESSION time_zone = '+00:00';
-- The system grew up on MySQL 5.7: zero dates are part of what has to be moved.
SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,STRICT_TRANS_TABLES';

CREATE DATABASE IF NOT EXISTS wkms DEFAULT CHARACTER SET utf8mb4 /*!80000 COLLATE utf8mb4_0900_ai_ci */;
USE wkms;

CREATE TABLE departments (
  id          INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name        VARCHAR(100) NOT NULL,
  name_en     VARCHAR(100) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL DEFAULT '',
  parent_id   INT UNSIGNED NULL COMMENT 'NULL for the whole company',
  cost_center CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NULL,
  budget_krw  DECIMAL(18,2) NOT NULL DEFAULT 0.00,
  created_at  DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE KEY uq_departments_cost_center (cost_center),
  KEY ix_departments_parent (parent_id),
  CONSTRAINT fk_departments_parent FOREIGN KEY (parent_id) REFERENCES departments (id)
) ENGINE=InnoDB COMMENT='조직도';

CREATE TABLE users (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  email         VARCHAR(254) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  name          VARCHAR(100) NOT NULL,
  name_latin1   VARCHAR(100) CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL COMMENT 'name on the badge of visitors from abroad',
  department_id INT UNSIGNED NOT NULL,
  position      ENUM('사원','대리','과장','차장','부장','임원') NOT NULL DEFAULT '사원',
  roles         SET('reader','writer','approver','admin') CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL DEFAULT 'reader',
  hired_on      DATE NOT NULL DEFAULT '0000-00-00' COMMENT '0000-00-00: not known, from the former HR system',
  birth_year    YEAR NULL,
  leave_days    DECIMAL(4,1) NOT NULL DEFAULT 15.0,
  is_active     BIT(1) NOT NULL DEFAULT b'1',
  password_hash BINARY(32) NULL /*!80023 INVISIBLE */,
  last_login_at TIMESTAMP NULL DEFAULT NULL,
  created_at    DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE KEY uq_users_email (email),
  KEY ix_users_department (department_id, position),
  CONSTRAINT fk_users_department FOREIGN KEY (department_id) REFERENCES departments (id),
  CONSTRAINT ck_users_leave_days CHECK (leave_days >= 0)
) ENGINE=InnoDB COMMENT='사용자';

CREATE TABLE documents (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  title          VARCHAR(300) NOT NULL,
  category       ENUM('규정','매뉴얼','회의록','보고서','공지','양식','기타') NOT NULL DEFAULT '기타',
  owner_id       BIGINT UNSIGNED NOT NULL,
  department_id  INT UNSIGNED NOT NULL,
  blob_container VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  blob_name      VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  size_bytes     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  metadata       JSON NULL,
  labels         SET('대외비','개인정보','법무검토','보존','전사공유') NOT NULL DEFAULT '',
  flags          BIT(12) NOT NULL DEFAULT b'0' COMMENT 'bit 0 indexed, 1 locked, 2 OCR, 3 signed',
  content_sha256 BINARY(32) NULL,
  review_score   DECIMAL(5,2) NULL,
  relevance      FLOAT NULL,
  embedding_norm DOUBLE NULL,
  title_length   INT GENERATED ALWAYS AS (CHAR_LENGTH(title)) VIRTUAL,
  language       VARCHAR(8) GENERATED ALWAYS AS (JSON_UNQUOTE(JSON_EXTRACT(metadata, '$.language'))) STORED,
  legacy_code    VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL /*!80023 INVISIBLE */,
  created_at     DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  updated_at     DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  KEY ix_documents_department (department_id, created_at DESC),
  KEY ix_documents_owner (owner_id),
  KEY ix_documents_blob (blob_container, blob_name(191)),
  KEY ix_documents_language (language),
  FULLTEXT KEY ft_documents_title (title) /*!50706 WITH PARSER ngram */
  /*!80013 , KEY ix_documents_year ((YEAR(created_at))) */,
  CONSTRAINT fk_documents_owner FOREIGN KEY (owner_id) REFERENCES users (id),
  CONSTRAINT fk_documents_department FOREIGN KEY (department_id) REFERENCES departments (id),
  CONSTRAINT ck_documents_review CHECK (review_score IS NULL OR review_score BETWEEN -100 AND 100)
) ENGINE=InnoDB COMMENT='문서 대장: 본문은 Blob 저장소에 있다';

CREATE TABLE document_versions (
  document_id BIGINT UNSIGNED NOT NULL,
  version     SMALLINT UNSIGNED NOT NULL,
  author_id   BIGINT UNSIGNED NOT NULL,
  summary     TEXT NULL,
  reviewed_on DATE NULL,
  review_time TIME(3) NULL,
  size_bytes  BIGINT UNSIGNED NOT NULL DEFAULT 0,
  patch       MEDIUMBLOB NULL,
  created_at  DATETIME(6) NOT NULL,
  PRIMARY KEY (document_id, version),
  KEY ix_document_versions_author (author_id, created_at),
  FULLTEXT KEY ft_document_versions_summary (summary) /*!50706 WITH PARSER ngram */,
  CONSTRAINT fk_document_versions_document FOREIGN KEY (document_id) REFERENCES documents (id) ON DELETE CASCADE,
  CONSTRAINT fk_document_versions_author FOREIGN KEY (author_id) REFERENCES users (id)
) ENGINE=InnoDB COMMENT='문서 판';

-- A table that truly has no key: Azure would add a hidden one by itself, the old schema predates that.
/*!80030 SET SESSION sql_generate_invisible_primary_key = OFF */;
CREATE TABLE permissions (
  document_id   BIGINT UNSIGNED NOT NULL,
  user_id       BIGINT UNSIGNED NULL,
  department_id INT UNSIGNED NULL,
  rights        SET('read','write','share','delete') CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL DEFAULT 'read',
  granted_by    BIGINT UNSIGNED NOT NULL,
  granted_at    TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  expires_at    DATETIME NULL,
  KEY ix_permissions_document (document_id),
  KEY ix_permissions_user (user_id),
  KEY ix_permissions_department (department_id),
  CONSTRAINT fk_permissions_document FOREIGN KEY (document_id) REFERENCES documents (id) ON DELETE CASCADE,
  CONSTRAINT fk_permissions_user FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT fk_permissions_department FOREIGN KEY (department_id) REFERENCES departments (id)
) ENGINE=InnoDB COMMENT='열람 권한';
/*!80030 SET SESSION sql_generate_invisible_primary_key = ON */;

CREATE TABLE chat_sessions (
  id           CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id      BIGINT UNSIGNED NOT NULL,
  title        VARCHAR(200) NOT NULL,
  channel      ENUM('web','mobile','teams') CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL DEFAULT 'web',
  started_at   DATETIME(6) NOT NULL,
  ended_at     DATETIME(6) NULL,
  turn_count   SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  KEY ix_chat_sessions_user (user_id, started_at),
  CONSTRAINT fk_chat_sessions_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB COMMENT='챗봇 대화';

CREATE TABLE chat_messages (
  id          BIGINT NOT NULL AUTO_INCREMENT,
  session_id  CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  role        ENUM('user','assistant','system') CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  content     MEDIUMTEXT NOT NULL,
  sources     JSON NULL,
  tokens      SMALLINT UNSIGNED NULL,
  latency_ms  DOUBLE NULL,
  temperature FLOAT NULL,
  created_at  DATETIME(6) NOT NULL,
  PRIMARY KEY (id),
  KEY ix_chat_messages_session (session_id, id),
  CONSTRAINT fk_chat_messages_session FOREIGN KEY (session_id) REFERENCES chat_sessions (id) ON DELETE CASCADE
) ENGINE=InnoDB COMMENT='챗봇 메시지';

-- No key in the definition: a server that generates hidden keys gives it my_row_id.
CREATE TABLE feedback (
  message_id BIGINT NOT NULL,
  user_id    BIGINT UNSIGNED NOT NULL,
  rating     TINYINT NOT NULL,
  comment    TEXT NULL,
  created_at DATETIME(3) NOT NULL,
  KEY ix_feedback_message (message_id),
  KEY ix_feedback_user (user_id),
  CONSTRAINT fk_feedback_message FOREIGN KEY (message_id) REFERENCES chat_messages (id) ON DELETE CASCADE,
  CONSTRAINT fk_feedback_user FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT ck_feedback_rating CHECK (rating BETWEEN -1 AND 5)
) ENGINE=InnoDB COMMENT='답변 평가';

CREATE TABLE audit_logs (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  created_at  DATETIME(6) NOT NULL,
  actor_id    BIGINT UNSIGNED NULL,
  action      VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object_type VARCHAR(40) NOT NULL,
  object_id   VARCHAR(64) NULL,
  client_ip   VARBINARY(16) NULL,
  detail      JSON NULL,
  delta       BIGINT NULL,
  counter     BIGINT UNSIGNED NULL,
  duration_ms DOUBLE NULL,
  score       FLOAT NULL,
  amount      DECIMAL(38,10) NULL,
  PRIMARY KEY (id, created_at),
  KEY ix_audit_logs_actor (actor_id, created_at),
  KEY ix_audit_logs_action (action)
) ENGINE=InnoDB COMMENT='감사 기록'
PARTITION BY RANGE COLUMNS (created_at) (
  PARTITION p2023 VALUES LESS THAN ('2024-01-01 00:00:00'),
  PARTITION p2024 VALUES LESS THAN ('2025-01-01 00:00:00'),
  PARTITION p2025 VALUES LESS THAN ('2026-01-01 00:00:00'),
  PARTITION p2026 VALUES LESS THAN ('2027-01-01 00:00:00'),
  PARTITION pmax VALUES LESS THAN (MAXVALUE)
);

CREATE DEFINER = CURRENT_USER SQL SECURITY INVOKER VIEW v_department_documents AS
SELECT d.id AS department_id,
       d.name AS department,
       COUNT(doc.id) AS documents,
       COALESCE(SUM(doc.size_bytes), 0) AS bytes,
       MAX(doc.updated_at) AS last_updated
  FROM departments d LEFT JOIN documents doc ON doc.department_id = d.id
 GROUP BY d.id, d.name;

DELIMITER $$

CREATE DEFINER = CURRENT_USER FUNCTION f_department_path(p_id INT UNSIGNED) RETURNS VARCHAR(500) CHARACTER SET utf8mb4
  READS SQL DATA
  COMMENT '부서 경로: 본부 > 팀'
BEGIN
  DECLARE v_path VARCHAR(500) CHARACTER SET utf8mb4 DEFAULT '';
  DECLARE v_id INT UNSIGNED DEFAULT p_id;
  DECLARE v_name VARCHAR(100) CHARACTER SET utf8mb4;
  DECLARE v_left INT DEFAULT 10;
  WHILE v_id IS NOT NULL AND v_left > 0 DO
    SET v_name = (SELECT name FROM departments WHERE id = v_id);
    SET v_path = IF(v_path = '', v_name, CONCAT(v_name, ' > ', v_path));
    SET v_id = (SELECT parent_id FROM departments WHERE id = v_id);
    SET v_left = v_left - 1;
  END WHILE;
  RETURN v_path;
END$$

CREATE DEFINER = CURRENT_USER PROCEDURE p_archive_sessions(IN p_before DATETIME(6), OUT p_closed INT)
  MODIFIES SQL DATA
  COMMENT '오래된 대화 닫기'
BEGIN
  UPDATE chat_sessions SET ended_at = p_before WHERE ended_at IS NULL AND started_at < p_before;
  SET p_closed = ROW_COUNT();
END$$

CREATE DEFINER = CURRENT_USER TRIGGER tr_documents_before_update BEFORE UPDATE ON documents FOR EACH ROW
BEGIN
  IF NEW.title <> OLD.title THEN
    SET NEW.flags = NEW.flags & ~1;
  END IF;
END$$

CREATE DEFINER = CURRENT_USER TRIGGER tr_documents_after_update AFTER UPDATE ON documents FOR EACH ROW
BEGIN
  INSERT INTO audit_logs (created_at, actor_id, action, object_type, object_id, detail)
  VALUES (NEW.updated_at, NEW.owner_id, 'document.update', 'document', NEW.id, JSON_OBJECT('title', NEW.title));
END$$

CREATE DEFINER = CURRENT_USER EVENT ev_purge_audit_logs
  ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 18:00:00'
  ON COMPLETION PRESERVE
  ENABLE
  COMMENT '10년이 지난 감사 기록 삭제'
DO
BEGIN
  DELETE FROM audit_logs WHERE created_at < NOW(6) - INTERVAL 10 YEAR;
END$$

DELIMITER ;
