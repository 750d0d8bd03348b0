# One object with the same names in every root, so that what reads it need not know the cloud. It holds no secret.
output "wkms" {
  description = "What the later phases of the migration need to know about this infrastructure."
  value = {
    schema_version = 1
    region         = var.region
    vpc_id         = aws_vpc.this.id

    vm_hosts = [
      for index, vm in aws_instance.vm : {
        name        = vm.tags["Name"]
        instance_id = vm.id
        private_ip  = vm.private_ip
        public_ip   = var.vm_public ? aws_eip.vm[index].public_ip : null
      }
    ]

    database = {
      address    = aws_db_instance.this.address
      port       = aws_db_instance.this.port
      name       = var.database.name
      username   = aws_db_instance.this.username
      identifier = aws_db_instance.this.identifier
      secret_arn = one(aws_db_instance.this.master_user_secret[*].secret_arn)
    }

    buckets = { for name, bucket in aws_s3_bucket.this : name => bucket.id }
    tables  = { for name, table in aws_dynamodb_table.this : name => table.name }
    queues  = { for name, queue in local.all_queues : name => queue.url }
  }
}
