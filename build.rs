//! Gives the Windows programs their icon, version information and manifest. Elsewhere it does nothing.

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder with the icon and the manifest.
const ASSETS: &str = "assets/windows";

/// What Explorer and the task manager show of a program: its name, then English and Chinese words for it.
const PROGRAMS: [(&str, &str, &str); 2] = [
    ("slotdeck", "Slotdeck", "Slotdeck：创建、查看和管理 Redis 集群"),
    ("slotctl", "slotctl, Slotdeck's terminal twin", "slotctl：Slotdeck 的命令行程序"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ASSETS}");
    println!("cargo::rerun-if-env-changed=WINDRES");
    if env::var("CARGO_CFG_TARGET_OS")? != "windows" {
        return Ok(());
    }
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for (program, english, chinese) in PROGRAMS {
        let file = out.join(format!("{program}.rc"));
        fs::write(&file, resources(&root.join(ASSETS), program, english, chinese)?)?;
        let compiled =
            winresource::WindowsResource::new().set_resource_file(&file.to_string_lossy()).compile_for(program);
        if let Err(error) = compiled {
            println!("cargo::error={}", explain(&error));
            break;
        }
    }
    Ok(())
}

/// The resource script of one program. The two languages are US English (0409) and Chinese of China (0804), both in
/// UTF-16 (04b0); Windows shows the reader's.
fn resources(assets: &Path, program: &str, english: &str, chinese: &str) -> Result<String, env::VarError> {
    let version = env::var("CARGO_PKG_VERSION")?;
    let numbers = ["MAJOR", "MINOR", "PATCH"].map(|part| env::var(format!("CARGO_PKG_VERSION_{part}")));
    let [major, minor, patch] = numbers;
    let numbers = format!("{},{},{},0", major?, minor?, patch?);
    let licence = env::var("CARGO_PKG_LICENSE")?;
    let block = |language: &str, description: &str, comment: &str| {
        format!(
            "BLOCK \"{language}04b0\"\n{{\n\
             VALUE \"ProductName\", \"Slotdeck\"\nVALUE \"CompanyName\", \"Slotdeck\"\n\
             VALUE \"FileDescription\", \"{description}\"\nVALUE \"Comments\", \"{comment}\"\n\
             VALUE \"LegalCopyright\", \"{licence}\"\n\
             VALUE \"InternalName\", \"{program}\"\nVALUE \"OriginalFilename\", \"{program}.exe\"\n\
             VALUE \"FileVersion\", \"{version}\"\nVALUE \"ProductVersion\", \"{version}\"\n}}\n"
        )
    };
    // In a resource script, as in C, a backslash in quotes stands for itself only when doubled.
    let asset = |name: &str| assets.join(name).to_string_lossy().replace('\\', "\\\\");
    Ok(format!(
        "#pragma code_page(65001)\n\
         1 ICON \"{icon}\"\n1 24 \"{manifest}\"\n\
         1 VERSIONINFO\nFILEVERSION {numbers}\nPRODUCTVERSION {numbers}\nFILEFLAGSMASK 0x3f\nFILEFLAGS 0\n\
         FILEOS 0x40004\nFILETYPE 1\nFILESUBTYPE 0\n{{\nBLOCK \"StringFileInfo\"\n{{\n{us}{cn}}}\n\
         BLOCK \"VarFileInfo\"\n{{\nVALUE \"Translation\", 0x0409, 0x04b0, 0x0804, 0x04b0\n}}\n}}\n",
        icon = asset("slotdeck.ico"),
        manifest = asset("app.manifest"),
        us = block("0409", english, &env::var("CARGO_PKG_DESCRIPTION")?),
        cn = block("0804", chinese, "创建、查看和管理 Redis 集群：桌面程序 Slotdeck 与命令行程序 slotctl"),
    ))
}

fn explain(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "no resource compiler: windres is missing, which gives the Windows programs their icon and manifest. Install \
         mingw-w64's binutils: binutils-mingw-w64-x86-64 on Debian and Ubuntu, mingw64-binutils on Fedora, \
         mingw-w64-binutils on Arch; `dev/windows build` does it by itself. WINDRES names another one."
            .to_owned()
    } else {
        format!("the resources of the Windows programs can't be compiled: {error}")
    }
}
