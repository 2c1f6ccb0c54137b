//! The names things get: plain ones for ids, and friendly names of which a
//! share is as awkward as names typed by people are.

use crate::dice::Dice;

/// Azure regions the resources are spread over.
pub(crate) const REGIONS: [&str; 4] = ["westeurope", "northeurope", "eastus2", "swedencentral"];

/// Departments host pools are named after.
pub(crate) const DEPARTMENTS: [&str; 10] =
    ["finance", "hr", "sales", "engineering", "legal", "support", "marketing", "logistics", "research", "callcenter"];

/// Applications: name, friendly name, file path.
pub(crate) const APPLICATIONS: [(&str, &str, &str); 14] = [
    ("winword", "Word", r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE"),
    ("excel", "Excel", r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE"),
    ("outlook", "Outlook", r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE"),
    ("powerpnt", "PowerPoint", r"C:\Program Files\Microsoft Office\root\Office16\POWERPNT.EXE"),
    ("msedge", "Microsoft Edge", r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe"),
    ("saplogon", "SAP Logon", r"C:\Program Files\SAP\FrontEnd\SAPGUI\saplogon.exe"),
    ("acrobat", "Acrobat Reader", r"C:\Program Files\Adobe\Acrobat DC\Acrobat\Acrobat.exe"),
    ("notepadpp", "Notepad++", r"C:\Program Files\Notepad++\notepad++.exe"),
    ("paint", "Paint", r"C:\Windows\System32\mspaint.exe"),
    ("calc", "Calculator", r"C:\Windows\System32\calc.exe"),
    ("cmd", "Command Prompt", r"C:\Windows\System32\cmd.exe"),
    ("putty", "PuTTY", r"C:\Program Files\PuTTY\putty.exe"),
    ("qgis", "QGIS Desktop", r"C:\Program Files\QGIS 3.34\bin\qgis-bin.exe"),
    ("timesheet", "Timesheet", r"\\files01\apps\timesheet\Timesheet.exe"),
];

/// A friendly name: `plain`, or with the given probability an awkward one that
/// still contains it where there is room.
pub(crate) fn friendly(dice: &mut Dice, odd_share: f64, plain: &str) -> String {
    if !dice.chance(odd_share) {
        return plain.to_owned();
    }
    odd(dice.below(ODD_NAMES), plain)
}

const ODD_NAMES: usize = 14;

fn odd(which: usize, plain: &str) -> String {
    match which {
        0 => format!("Büro – {plain} für Größe"),
        1 => format!("{plain} 𝓕𝓲𝓷𝓪𝓷𝓬𝓮 🧾"),
        2 => format!("\"{plain}\" 'quoted' `back`"),
        3 => format!("{plain}\nsecond line\r\nthird\tcolumn"),
        4 => format!("<script>alert('{plain}')</script>"),
        5 => format!("../../{plain}/..\\..\\etc"),
        6 => {
            let mut long = format!("{plain} ");
            while long.chars().count() < 200 {
                long.push_str("long name ");
            }
            long.chars().take(200).collect()
        }
        7 => format!("{plain} \u{202e}txet desrever\u{202c}"),
        8 => format!("{plain} עברית العربية"),
        9 => format!("{plain}; DROP TABLE packages;--"),
        10 => format!("  {plain}  "),
        11 => format!("{plain} & Söhne <GmbH> %20 {{{{x}}}} $(y)"),
        12 => format!("会計 {plain} 회계"),
        _ => format!("CON:{plain}*?|e\u{301}"),
    }
}
