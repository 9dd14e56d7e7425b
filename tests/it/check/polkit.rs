//! polkit, whose helper is a service in a sandbox from version 127 on.

use super::image::Image;

const UNIT: &str = "usr/lib/systemd/system/polkit-agent-helper@.service";
const SANDBOX: &str = "[Service]\nPrivateNetwork=yes\nRestrictAddressFamilies=AF_UNIX\n";

fn image() -> Image {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    image.stack("polkit-1", "auth required pam_countersign.so\n");
    image
}

#[test]
fn a_helper_without_a_network_is_an_error_until_the_drop_in_is_there() {
    let image = image();
    image.finds(&[]);
    image.write(UNIT, SANDBOX);
    image.finds(&[
        "error polkit-network /usr/lib/systemd/system/polkit-agent-helper@.service \
         the helper of polkit has no network: PrivateNetwork=yes, RestrictAddressFamilies=AF_UNIX",
    ]);
    let drop_in = "conf/polkit-agent-helper@.service.d/countersign.conf";
    let text =
        std::fs::read_to_string(format!("{}/../../{drop_in}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    image.write("etc/systemd/system/polkit-agent-helper@.service.d/countersign.conf", &text);
    image.finds(&[]);
}

#[test]
fn a_helper_that_is_no_child_of_its_caller_can_not_ask_about_the_caller() {
    let image = image();
    image.write(UNIT, "[Service]\n");
    image.finds(&[]);
    image.configure("[service.polkit-1.login]\nperson = \"caller\"\n");
    image.finds(&["error polkit-caller /usr/lib/systemd/system/polkit-agent-helper@.service \
         login.person asks about the caller, which the helper of polkit does not know"]);
}
