class AwsMfaAgent < Formula
  desc "Keep MFA-protected AWS profiles fresh"
  homepage "https://github.com/OWNER/aws-mfa-agent"
  # The version and the checksum are filled in by `npm run release`.
  url "https://github.com/OWNER/aws-mfa-agent/releases/download/v0.0.0/aws-mfa-agent-0.0.0.tgz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license "Apache-2.0"

  depends_on "node"

  def install
    system "npm", "install", *std_npm_args
    bin.install_symlink libexec.glob("bin/*")

    package = libexec/"lib/node_modules/aws-mfa-agent"
    # Programs for Intel Macs and for Windows. The agent has a window of its own.
    rm_r package/"node_modules/node-notifier/vendor"
    man1.install_symlink package/"dist/aws-mfa-agent.1"
    generate_completions_from_executable(bin/"aws-mfa-agent", "completion")

    return unless OS.linux?

    (share/"applications").install_symlink package/"desktop/aws-mfa-agent.desktop"
    (share/"icons/hicolor/scalable/apps").install_symlink package/"desktop/aws-mfa-agent.svg"
  end

  # `aws-mfa-agent install` writes a service with more settings. Use one of the two.
  service do
    run [Formula["node"].opt_bin/"node", "--max-opt=0", opt_bin/"aws-mfa-agent", "run"]
    keep_alive successful_exit: false
    process_type :interactive
    environment_variables PATH: std_service_path_env
    error_log_path var/"log/aws-mfa-agent.log"
  end

  test do
    assert_equal version.to_s, shell_output("#{bin}/aws-mfa-agent --version").strip
    (testpath/".aws/credentials").write <<~INI
      [default]
      aws_access_key_id = AKIAIOSFODNN7EXAMPLE
      aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    INI
    assert_match(/mfa.*missing/, shell_output("#{bin}/aws-mfa-agent status"))
  end
end
