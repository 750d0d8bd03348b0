resource "aws_db_subnet_group" "this" {
  name        = var.name_prefix
  description = "Data subnets of ${var.name_prefix}"
  subnet_ids  = [for name, subnet in local.subnets : aws_subnet.this[name].id if subnet.tier == "data"]
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name_prefix}-mysql84-"
  description = "MySQL 8.4 as the WKMS needs it"
  family      = "mysql8.4"

  # Azure's default; MySQL fixes it when the data directory is made, so it must be here before the instance is.
  parameter {
    name         = "lower_case_table_names"
    value        = "1"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "character_set_server"
    value = "utf8mb4"
  }

  parameter {
    name  = "collation_server"
    value = "utf8mb4_0900_ai_ci"
  }

  # The RDS master user has no SUPER: without this it cannot create the routines and triggers it receives.
  parameter {
    name  = "log_bin_trust_function_creators"
    value = "1"
  }

  parameter {
    name  = "local_infile"
    value = "1"
  }

  parameter {
    name  = "max_allowed_packet"
    value = "1073741824"
  }

  parameter {
    name  = "require_secure_transport"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  identifier     = var.name_prefix
  engine         = "mysql"
  engine_version = var.database.engine_version
  instance_class = var.database.instance_class

  # No schema is made here: the copy creates it with the character set and collation of the source.
  username                    = var.database.username
  manage_master_user_password = true

  storage_type          = "gp3"
  allocated_storage     = var.database.storage_gib
  max_allocated_storage = var.database.storage_max_gib
  storage_encrypted     = true

  db_subnet_group_name   = aws_db_subnet_group.this.name
  parameter_group_name   = aws_db_parameter_group.this.name
  vpc_security_group_ids = [aws_security_group.database.id]
  publicly_accessible    = false
  multi_az               = var.database.multi_az

  backup_retention_period      = var.database.backup_days
  copy_tags_to_snapshot        = true
  deletion_protection          = var.database.deletion_protection
  skip_final_snapshot          = false
  final_snapshot_identifier    = "${var.name_prefix}-final"
  performance_insights_enabled = var.database.performance_insights
  auto_minor_version_upgrade   = false
  apply_immediately            = true
}
