//! Private keys. A key is taken whole, armour included; a key cut short before its end is taken up to
//! there. Newlines may be real, written `\n`, or inside quoted lines.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "private-key-numbered-lines",
        description: "Private key in PEM, as a tool shows a file: with a number before each line",
        keywords: &["-----begin "],
        pattern: r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:\s{1,8}[0-9]{1,5}(?:\xE2\x86\x92|\t|: ?|\| ?)[A-Za-z0-9+/=:, -]{4,100}){2,120}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "     1→«-----BEGIN RSA PRIVATE KEY-----\n     2→MIIEpAIBAAKCAQEAXOh2f+7M5Ac6uP7bbFHO9yQeiNeWabn5Oo/JA1ZfTCGjSl8U\n     3→EXcsTxRM14gBe4ao/laKt2H9uaHPoG2GVw+9YUn/jj46UzRRCrB+caFgbLiUjRKJ\n     4→-----END RSA PRIVATE KEY-----»\n",
            "     1\t«-----BEGIN PRIVATE KEY-----\n     2\tMIIEvQIBADANBgkqhkiG9w0BAQEFAASCQ9xAZg+Wdgcvy5l0eKDrthRjCLc7NI2p\n     3\tXlFyDh3cd8igUFMOMhJVAmGoE/GKPkv4nbJHCf5vuCX6LmqBZUaCj2hIKKHbfoMb»\n",
        ],
        negatives: &[
            "     1→-----BEGIN RSA PRIVATE KEY-----\n     2→...\n     3→-----END RSA PRIVATE KEY-----",
            "     7→if line == \"-----BEGIN RSA PRIVATE KEY-----\":\n     8→    start = n",
        ],
    },
    Rule {
        id: "rsa-private-key",
        description: "RSA private key in PEM",
        keywords: &["-----begin rsa private key-----"],
        pattern: r#"-----BEGIN RSA PRIVATE KEY-----(?:\\[nr]|[\s"'+,>#*|;]){0,24}(?:Proc-Type: 4,ENCRYPTED(?:\\[nr]|[\s"'+,>#*|;]){0,24}DEK-Info: [A-Z0-9-]{4,20},[0-9A-Fa-f]{16,32}(?:\\[nr]|[\s"'+,>#*|;]){0,24})?[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\"',>#*|]{16,15000}(?:-----END RSA PRIVATE KEY-----)?"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAXOh2f+7M5Ac6uP7bbFHO9yQeiNeWabn5Oo/JA1ZfTCGjSl8U\nEXcsTxRM14gBe4ao/laKt2H9uaHPoG2GVw+9YUn/jj46UzRRCrB+caFgbLiUjRKJ\n1l+u5mPBZOJB0pdHQvxlwf9LLnBER1t0pMprATEudZQTluvpi7D1KPXPRyc8uDNS\nRi9o7QKzbQ4YJdRFQODdq/weKgs0fhpBZx3tTM0qjzao4uh+URIenPmzm2IORbsT\ngcldBWPAIl+uNvEw7aeLS8GV/BFN5CNjCl77v7GtjUM7vTIYPKwPDUP4psx1LCqq\n-----END RSA PRIVATE KEY-----»\n",
            r#""private_key": "«-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAfjDz15IC40sTig7O63vlQEqIw5MHA5gSVNjvm8iVlGcRxfxI\ndayqcNA+hE9dspft1UkL4vkwCsB+Y3A2dO9yI4il0RPEocszuKeQX2dLW510pTGA\nu11eHhEUTICF+hUjKXnLEcltSzXeOjyH09SnfPVCiqgwBCndeu0Qb1F0zzkT5SKu\nyG7IuvakiIZmgix2BQB8Mb1TJnHaSYHxxpMhZZANhzmyL5DfSDyKCYuKBNBuluRN\nrl4B3J1QLyAygYCnN4brIBdVDBjXyhGctkSSUticZV9Js0hLBMwUKex41maC/2sM\n-----END RSA PRIVATE KEY-----»\n","#,
            "key cut short: «-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAhO52hpznj2dXih3PdAhuhmQ5+RoO0fZJPc93Fie5RuN5kjIu\nsLBosSa633UKv1YUcUK19XFD8MgiaY0hZiO8pu8AKdTHZdComDaaLhLor+JLdVnk»",
            "«-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,68A5AFE215DC11D71660F960B46636C0\n\n5EBvugCPPD6a6CpKIfSzDFMJ7NczE6OCI6yj8Wtqskgz8GsYkie/AoqBQlGgbGu6\n7uq8AUTo7I+aBfQpCp2/XNmes85QkWxrc0BYivS12LoqKbf/BmNNfo7IoneymjJC\n-----END RSA PRIVATE KEY-----»",
        ],
        negatives: &[
            r#"if line == "-----BEGIN RSA PRIVATE KEY-----": start = n"#,
            "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----<your key>-----END RSA PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\nUVqKP3q1DcUeqjX/Q8vCpKOeHhl9dJhqUMNbrViKNGPwJX5JnO1HjoWIWqyBvLg4\n-----END CERTIFICATE-----",
        ],
    },
    Rule {
        id: "ec-private-key",
        description: "Elliptic curve private key in PEM",
        keywords: &["-----begin ec private key-----"],
        pattern: r#"-----BEGIN EC PRIVATE KEY-----(?:\\[nr]|[\s"'+,>#*|;]){0,24}(?:Proc-Type: 4,ENCRYPTED(?:\\[nr]|[\s"'+,>#*|;]){0,24}DEK-Info: [A-Z0-9-]{4,20},[0-9A-Fa-f]{16,32}(?:\\[nr]|[\s"'+,>#*|;]){0,24})?[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\"',>#*|]{16,2000}(?:-----END EC PRIVATE KEY-----)?"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIrluGJzF+V07shpxt+A4vV8g3XmqZ3n3ab1HyBZF+DCVeZGe2ICBjjsT\nk/l0No7x11vdtjC6R8B4m2oqpS0uCzzY2Yy2AxjRosBZnAQ9Zt6HTq2o3A7Ok92b\nlKn1BgqehEpsS7/ikfTu7KIYj0nkRHH03vzk\n-----END EC PRIVATE KEY-----»\n",
            r#""private_key": "«-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIov2e+uYcBKdrF/acK9ktb3kQUzSuzh5vBA12Cd6dkj/pYnL5NQzpqmQ\nS/QKJxbkFoAA8gedyr/9g0pxLBkuovpAEa22hH4Gh8nmrIt17vEkTmu5biA2/yl+\nY0nEKB8xqcplQq49iJ+JWaZlizcdydBYvs/Q\n-----END EC PRIVATE KEY-----»\n","#,
            "key cut short: «-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIR1Yw00ro2PEHzpbGUcL7uuP+b0bcvTn1C7vIywOk5aGD85FRWyUxagD\noS/Vfazg7UU+x/BfpuihrZOl2vewyUX8IiYiwiWAvGUVFFxU5W+gDLLVFS+DK7v7»",
        ],
        negatives: &[
            r#"if line == "-----BEGIN EC PRIVATE KEY-----": start = n"#,
            "-----BEGIN EC PRIVATE KEY-----\n...\n-----END EC PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----<your key>-----END EC PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\nSd8Gw4CyAVCfHya6E+6vLLPmi3L+PUFGAIXopGeFMzcR+E/yuxzkLl3fFsgKxWqj\n-----END CERTIFICATE-----",
        ],
    },
    Rule {
        id: "dsa-private-key",
        description: "DSA private key in PEM",
        keywords: &["-----begin dsa private key-----"],
        pattern: r#"-----BEGIN DSA PRIVATE KEY-----(?:\\[nr]|[\s"'+,>#*|;]){0,24}(?:Proc-Type: 4,ENCRYPTED(?:\\[nr]|[\s"'+,>#*|;]){0,24}DEK-Info: [A-Z0-9-]{4,20},[0-9A-Fa-f]{16,32}(?:\\[nr]|[\s"'+,>#*|;]){0,24})?[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\"',>#*|]{16,4000}(?:-----END DSA PRIVATE KEY-----)?"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN DSA PRIVATE KEY-----\nMIIBuwIBAAKBgQD0aTPNAgajrGeKLbNsom4AYbRB5EoSv4Z4PhLUo5QmZW9TDXTK\n+/KJ9yBQI+TIikX8isUaUDwJwl8LzTVP402fSuY+2qvM3+EcZwpe6a71IrPOph4I\nnac3330xvncFw65tKKxxKVhBOax+2DdqnPiYy53XDqonIaKXnc0oqxO049nDpf0c\n7dzPj5Qw7vFJcB/S5uq6MKzIlvLx9JJmJ3d/fnmH9OmKmyV98d2/L81IFAmycEeR\n-----END DSA PRIVATE KEY-----»\n",
            r#""private_key": "«-----BEGIN DSA PRIVATE KEY-----\nMIIBuwIBAAKBgQDDuTd0v1n5/HuMzJnf7P8oDj3hTQ5RTQlech6XgA0+qBmCNk9e\nnXk8iTi/Vrfio+NY6ipEBro/t90lnn9aVYOwZgWQ3bMLt+I485iE6+BTlUnTBGhg\nFg2sjcp/NTjv5YgqEoBw5AL83yB/goSLHpGFn8tvry4HNT2vg/1oBFiMcykquam0\nML24+b5OpsnswGyoANwmsbsGWlFrRWCi6O2a+rXJPmOtIec2IKfzvK9WGKjo1tpR\n-----END DSA PRIVATE KEY-----»\n","#,
            "key cut short: «-----BEGIN DSA PRIVATE KEY-----\nMIIBuwIBAAKBgQDw1Z3IE3ut+pERsZSR5eL/yU4u5kT0i4LLabDiegUGcNLiLucU\nCPXnkZRDdWRW2qcWjT9HwN3Mmob/g05h7V8hEh6UgrkzbGAprBgYgTtqH2hRXqpx»",
        ],
        negatives: &[
            r#"if line == "-----BEGIN DSA PRIVATE KEY-----": start = n"#,
            "-----BEGIN DSA PRIVATE KEY-----\n...\n-----END DSA PRIVATE KEY-----",
            "-----BEGIN DSA PRIVATE KEY-----<your key>-----END DSA PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\nUxKIoPk0z0EGlMaJKV7rzAd0ZOiqbrl510v0V6TtxCy1pQKy74Gy6P4O4BtSL3qR\n-----END CERTIFICATE-----",
        ],
    },
    Rule {
        id: "pkcs8-private-key",
        description: "Private key in PKCS #8 PEM, as in service account files",
        keywords: &["-----begin private key-----"],
        pattern: r#"-----BEGIN PRIVATE KEY-----(?:\\[nr]|[\s"'+,>#*|;]){0,24}(?:Proc-Type: 4,ENCRYPTED(?:\\[nr]|[\s"'+,>#*|;]){0,24}DEK-Info: [A-Z0-9-]{4,20},[0-9A-Fa-f]{16,32}(?:\\[nr]|[\s"'+,>#*|;]){0,24})?[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\"',>#*|]{16,15000}(?:-----END PRIVATE KEY-----)?"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCQ9xAZg+Wdgcvy5l0eKDrthRjCLc7NI2p\nXlFyDh3cd8igUFMOMhJVAmGoE/GKPkv4nbJHCf5vuCX6LmqBZUaCj2hIKKHbfoMb\n6S5i/J4JJiMcqCWnmj3YlcsaFqAIPipnxWzX+MAoRGxjE6qWwpxjvMo/XRM5ka1U\nkAF/N/If/gmxSwHNnKcJgRTbMswtrRJAk6FLuOjW/oOlVJu3JyFbug7WHgQ3ik8D\nDp8H56cDGQ7luf+rAvQd6ntzHr/7A/Xqbea3sr49JYliHETuiTpHuqOHVrL0SBDJ\n-----END PRIVATE KEY-----»\n",
            r#""private_key": "«-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCrJRNy2T4F2vCUbt/48QfnQ/W14Glq5l7\nfXg/O9Lgj5hQlCX+z8B97mEIauYl05QaZaBNH3D8tD0hZVZ7dl5XTAn2rav1cEN/\nwMmEmMMrcGpkBwZfM0zaOCA2wzCe7K713WYJCu3LInIv5HYsczLh08Xfdhe8TEnv\nZQdi+j8e8bh5h9QoGkTOas7n6cWxK2yjIJaNpfLAbOf+h31BlwIkGSSnD9KfRfNa\nR7ud9BXh7lEmf8O2AwzdZRpvDkabY8SfhSD0+p0y7CGfx3PNpCGdYDrOLjfE1bvU\n-----END PRIVATE KEY-----»\n","#,
            "key cut short: «-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC6MCXXg/7vxWMa59asJDk9qoYjqrGJT9O\nOycjpFVR/1q8GqX3DShzkPIrujUW84lTNtHmMH92A4UASqnhA6oQ7Vk+N84zVaXq»",
        ],
        negatives: &[
            r#"if line == "-----BEGIN PRIVATE KEY-----": start = n"#,
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----<your key>-----END PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\noEN9hdzFLbuI6xF7S2uf1mhQ+7TsDIO52kz2B+neCDCs5LHZCbqVGUlu1T/MrUUs\n-----END CERTIFICATE-----",
        ],
    },
    Rule {
        id: "pkcs8-encrypted-private-key",
        description: "Private key in encrypted PKCS #8 PEM",
        keywords: &["-----begin encrypted private key-----"],
        pattern: r#"-----BEGIN ENCRYPTED PRIVATE KEY-----(?:\\[nr]|[\s"'+,>#*|;]){0,24}(?:Proc-Type: 4,ENCRYPTED(?:\\[nr]|[\s"'+,>#*|;]){0,24}DEK-Info: [A-Z0-9-]{4,20},[0-9A-Fa-f]{16,32}(?:\\[nr]|[\s"'+,>#*|;]){0,24})?[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\"',>#*|]{16,15000}(?:-----END ENCRYPTED PRIVATE KEY-----)?"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFHDBOBgkqhkiG9w0BBQ0wQTAphm2IWKcOTffzNzDXujeLauy2R2hnXYqgqwTg\n93YXiLGHpDQFkx2FgpjMH8RErJaO5Brc79G3y8DKAXPPs43bVvb2qG0rsvvseDIU\n4WMjhvukXxCMUlUzLb7F91MCaswYFEB4rIDL/2a6AOt4ROnXMgeVeqvw0j04Iwtz\npUCwKVDdtNgEXtb447swJbMeLlqx+biBHTeHRwkFXcOvVKoSOSsEQF+4rwveUNuE\n-----END ENCRYPTED PRIVATE KEY-----»\n",
            r#""private_key": "«-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFHDBOBgkqhkiG9w0BBQ0wQTApwyo6FFdObZ+D/q5uhJrMnB9+wweqmZ+yMzYl\nK6+q1r7B14zwKhciN1MplRU8pAiqTjaXwCW0LARmydznE9s7LwXDMJNZ40CHzH8k\nLXWJ+aF/RYQqzs9mfn2GZTOgJ1/YjDqzFPQdkh1uIKYMWU5Mors9vAUKsjkhEfop\nI6gfcANhJRXyarCHX0EaqzurrBg1EPc+EBFgLagQxevil+UORV5QlTE8fXOtDKFv\n-----END ENCRYPTED PRIVATE KEY-----»\n","#,
            "key cut short: «-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFHDBOBgkqhkiG9w0BBQ0wQTApHcgEhTPaoqDHedsW+E6+IGbjwaBDYwjsV03Z\n+Sx3PB/S/qIFvYNIS9FLWjXfdH6mHvQARpJp/WTZgvbc3meHA9tFMjihwVL815Wf»",
        ],
        negatives: &[
            r#"if line == "-----BEGIN ENCRYPTED PRIVATE KEY-----": start = n"#,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n...\n-----END ENCRYPTED PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----<your key>-----END ENCRYPTED PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\nfryFAy/zxmFz3EAytDrcSgsHZfY+rbVjkmOhVB7cLoCOrsWyB5YO4wBQ7OgpqGup\n-----END CERTIFICATE-----",
        ],
    },
    Rule {
        id: "openssh-private-key",
        description: "OpenSSH private key: signs in to servers",
        keywords: &["-----begin openssh private key-----"],
        pattern: r#"-----BEGIN OPENSSH PRIVATE KEY-----(?:\\[nr]|[\s"'+,>#*|;]){0,24}(?:Proc-Type: 4,ENCRYPTED(?:\\[nr]|[\s"'+,>#*|;]){0,24}DEK-Info: [A-Z0-9-]{4,20},[0-9A-Fa-f]{16,32}(?:\\[nr]|[\s"'+,>#*|;]){0,24})?[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\"',>#*|]{16,15000}(?:-----END OPENSSH PRIVATE KEY-----)?"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQLF7TZ/Hs7SZeiPbQhcyg+k\nacJkBVJ9N7jd9iOHOrm/lXMnhGkIIi//5vpJYL1Y32Ss9SmV+yFgAN/cE6dKRGK/\na3d8+GKmWoP7kG2fXCWdVJoCG61Zbr8LJ0qCzrm30lvDAmqBNTHdxo+vgRghqDuv\n09ourruAV/zdhJGPZ0/SEyG1qY3mY34JujUVztmiENP+r9k5iqo3UcH+uRKJD8vQ\n-----END OPENSSH PRIVATE KEY-----»\n",
            r#""private_key": "«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQMi5G/ATQpOSpQ8HribUKeE\n+u04iIdPt+c1qTMV2d9dwVZYQFbOxXokvLrzF3rl8pg7A8j1s/tsAmSu0qlM3vML\nnviAH0u2jhJeTS4JtHrHyR81DpDd6mCwoEuueDH/wmH3OZmb7u90BPn2TyqQVGZF\nvCJ9duLDcqjKl6krKD+1A3omM4Bzeleten/V/4kTNxiVZGX3vPF+tZcscWnV1ABe\n-----END OPENSSH PRIVATE KEY-----»\n","#,
            "key cut short: «-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ4OYoWIzA1sRw9ZiU/+ROTF\nxbFEtQkLI3xoclYWdlThOTZcA/fVNxKeGU3CCovGh9F1yNCSBmyApMDrAMdsrrTw»",
        ],
        negatives: &[
            r#"if line == "-----BEGIN OPENSSH PRIVATE KEY-----": start = n"#,
            "-----BEGIN OPENSSH PRIVATE KEY-----\n...\n-----END OPENSSH PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY-----<your key>-----END OPENSSH PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\n7Jd4j0kj1BAKIYC+DFNazenH44VK9aN5nUU6zprSPYrSg3vs2a7Xl2MmkK1lArVg\n-----END CERTIFICATE-----",
        ],
    },
    Rule {
        id: "ssh2-private-key",
        description: "Private key in SSH.COM or Tectia format",
        keywords: &["---- begin ssh2 "],
        pattern: r"---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----(?:\\[nr]|\s){0,8}(?:[A-Za-z-]{4,16}: [ -~]{1,80}(?:\\[nr]|\s){1,8}){0,4}[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\]{16,8000}(?:---- END SSH2 (?:ENCRYPTED )?PRIVATE KEY ----)?",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"ops\"\n19tKzsK1L3d95GybDYAu0G9mjxwjXmMGqZo8YUiwlaSj5NsvkOSrIpbk4KkFmkwe\nxie6nRZgVewOKVj9ax5U9AaE06nb160wMHG1la8usN+TtHsn\n---- END SSH2 ENCRYPTED PRIVATE KEY ----»\n",
            "«---- BEGIN SSH2 PRIVATE KEY ----\nxyN4tebfK4NCsWZmhAAlkJUHsaUcPxLsuQglT+i8H+xhYYng/kH9bK0gdK+1tSMa\n8TznCae4tUAewF2O84XykZuumIqkQJUOe61m/TU5»",
        ],
        negatives: &[
            "---- BEGIN SSH2 PUBLIC KEY ----\nBiYOBdy8ch1PbnCmNTZzp1C3xH+idqAp8+ZT2hxQHn8bMOL69pxvLAiNjcGjpl7f",
            "---- BEGIN SSH2 PRIVATE KEY ----\n...",
        ],
    },
    Rule {
        id: "pgp-private-key",
        description: "PGP private key: signs and decrypts",
        keywords: &["-----begin pgp private key block-----"],
        pattern: r"-----BEGIN PGP PRIVATE KEY BLOCK-----(?:\\[nr]|\s){0,8}(?:(?:Version|Comment|MessageID|Hash|Charset): [ -~]{1,80}(?:\\[nr]|\s){1,8}){0,4}[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\]{16,15000}(?:-----END PGP PRIVATE KEY BLOCK-----)?",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBFzEo+i0cg2M20SiT5tZZlxXxEJ2qYqHpmuMOrGtGu6cLfBLUG0PHtG+S96Y\nu4mlkOt7kucSC/Vy5VsmLQNO5Xe7th7m+BKovS9vbdU6yclOpx/uyC3TKHGNZNFf\n=QSAR\n-----END PGP PRIVATE KEY BLOCK-----»\n",
            r#""pgp": "«-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\nlQOYBF7d4lhyl5nmK6d96bSm51mL7dFJe3+08HZdGYBnveyDuExUvPIm75CynaBU\nS4pVzrnfhb1tLrwz/lpgLBncL3EQZbBHVQcyyp1PjXhrpQk2H9EXafbXQT5KfWsb\n=4ENC\n-----END PGP PRIVATE KEY BLOCK-----»\n""#,
        ],
        negatives: &[
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nXTsA+FZSYIQtk3LfPI7Pq3RHxGhmsJKaRg09jMGVswvuq5zOTGiyNxVychJYQYEf\nf6dDE5W0pOwcJ+OSnS3gwTRl8z7G2LhAcZpAfiydCdmP99vwaw0bkSz3zX5+hfZ9",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n...",
        ],
    },
    Rule {
        id: "sigstore-private-key",
        description: "Cosign or Sigstore private key: signs artifacts",
        keywords: &[
            "-----begin encrypted cosign private key-----",
            "-----begin encrypted sigstore private key-----",
        ],
        pattern: r"-----BEGIN ENCRYPTED (?:COSIGN|SIGSTORE) PRIVATE KEY-----(?:\\[nr]|\s){0,8}[A-Za-z0-9+/]{16}[A-Za-z0-9+/=\s\\]{16,3000}(?:-----END ENCRYPTED (?:COSIGN|SIGSTORE) PRIVATE KEY-----)?",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "«-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\neyJrZGYiOnsipKKsbGOLbraN83BCuYV/Br54eCi2XfAbE5boMtsYbNejV+k1ayCD\nV2R+x+++Z3/+PVcEjoLoBGvjL+7knHilzpThhrEi32T9+fwfLKZ0S8jF+BLnvjhg\n-----END ENCRYPTED COSIGN PRIVATE KEY-----»",
            r#"COSIGN_PRIVATE_KEY="«-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJrZGYiOnsi6UJ7tHLoRgQyQwzcsQQnBFacuTCgKJrxtJWV54CKWlqtnk/ilIBB\njB7Dt3Tx4Yhv3Wc5zyBP9p+44hRjCraEbowlmAqkbX8HvdBhlvQnmxi0suQLuCyE\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----»""#,
        ],
        negatives: &[
            "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n...",
            "-----BEGIN PUBLIC KEY-----\nOy1bVYJuJmOI/cJfKwqrrBb5occUjEqiuwUrEy3byKDO+xG4HxG4Y+nFiuL/mQJc",
        ],
    },
    Rule {
        id: "putty-private-key",
        description: "PuTTY private key: signs in to servers",
        keywords: &["putty-user-key-file-"],
        pattern: r"PuTTY-User-Key-File-[23]: [a-z0-9@.-]{4,32}[ -~\s]{10,3000}?Private-Lines: [0-9]{1,3}(?:\\[nr]|\s){1,4}([A-Za-z0-9+/=\s\\]{32,8000})",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: ops\nPublic-Lines: 2\nDjg2mv9ql0CSrRuWrrPNN9CAQCoa3gMruKWwyLAsqmKpyqAKZN2AM9iyQ9xrORN9\n9kNcYnAq8ZxE0XEq\nPrivate-Lines: 1\n«1T/na6/4PMjYSIDtyM6ueetuRzYBmVMxjzCTH+lsB8UeWKP=\nPrivate»-MAC: 6fa0686194e0bdba4a7227727af2bf894b9f42d5ec830119140336639c019d6d\n",
            "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: aes256-cbc\nComment: k\nPublic-Lines: 1\nX2D2urLG3IDJypf1BNfBl2GmDGbsBtNddOBHZH7+f2GapkYJ7TsMhECmqiwhS0e1\nPrivate-Lines: 2\n«fc2inpF6O0j1gSTI1mTn2flXJBk9e4SzNU3j4s2g/a+cP3STGfboTkA5rjiFNs/m\nb3zaoDNKxp32mynKGmGUzLrI3un2DjYQQDNariW24CllxFjOLyPoEkPe7Ulp7LH8\nPrivate»-MAC: 1725b3a840a85d3e89342165be06088f7fa1d263",
        ],
        negatives: &[
            "PuTTY-User-Key-File-3: ssh-ed25519",
            "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 14\n...",
        ],
    },
];
