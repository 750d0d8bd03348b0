data "aws_ami" "ubuntu" {
  count = var.ami_id == null ? 1 : 0

  most_recent = true
  owners      = ["099720109477"] # Canonical

  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"]
  }
}

resource "aws_key_pair" "this" {
  count = var.vm_public_key == null ? 0 : 1

  key_name   = var.name_prefix
  public_key = var.vm_public_key
}

resource "aws_instance" "vm" {
  count = var.vm_count

  ami                    = var.ami_id == null ? data.aws_ami.ubuntu[0].id : var.ami_id
  instance_type          = var.vm_type
  subnet_id              = aws_subnet.this["${var.vm_public ? "public" : "app"}-${count.index % 2}"].id
  vpc_security_group_ids = [aws_security_group.app.id]
  iam_instance_profile   = aws_iam_instance_profile.vm.name
  key_name               = one(aws_key_pair.this[*].key_name)
  monitoring             = var.vm_detailed_monitoring
  ebs_optimized          = true

  # Two hops: the application asks for its credentials from inside a container.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.vm_root_gib
    encrypted   = true
  }

  tags = { Name = "${var.name_prefix}-vm-${count.index}" }

  # A newer image must not replace a running machine; that is done on purpose, by taint or a new machine.
  lifecycle {
    ignore_changes = [ami]
  }
}

resource "aws_ebs_volume" "data" {
  count = var.vm_count

  availability_zone = local.zones[count.index % 2]
  type              = "gp3"
  size              = var.vm_data_gib
  encrypted         = true

  tags = { Name = "${var.name_prefix}-vm-${count.index}-data" }
}

resource "aws_volume_attachment" "data" {
  count = var.vm_count

  device_name = "/dev/sdf"
  instance_id = aws_instance.vm[count.index].id
  volume_id   = aws_ebs_volume.data[count.index].id
}

resource "aws_eip" "vm" {
  count = var.vm_public ? var.vm_count : 0

  domain   = "vpc"
  instance = aws_instance.vm[count.index].id

  tags = { Name = "${var.name_prefix}-vm-${count.index}" }

  depends_on = [aws_internet_gateway.this]
}
