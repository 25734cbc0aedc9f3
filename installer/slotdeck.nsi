; Slotdeck's setup. Made by `dev/windows build`:
;   makensis -INPUTCHARSET UTF8 -DVERSION=1.2.3 -DNUMBERS=1.2.3.0 -DPROGRAMS=dir -DOUT=setup.exe installer/slotdeck.nsi
;
; setup.exe [/S] [/AllUsers | /CurrentUser] [/Desktop] [/NoPath] [/NoAssociation] [/D=C:\folder]
; uninstall.exe [/S] [/STOPCLUSTERS] [/DELETEDATA] [_?=C:\folder]
; The exit codes are in common.nsh; docs/windows.md tells all of it to a person.

Unicode true
Target amd64-unicode
!ifdef QUICK
    SetCompressor zlib
!else
    SetCompressor /SOLID lzma
!endif
ManifestDPIAware true
ManifestSupportedOS Win10
; Setup for one person needs no rights; setup for everyone starts itself again with them.
RequestExecutionLevel user

!include MUI2.nsh
!include LogicLib.nsh
!include FileFunc.nsh
!include WinMessages.nsh
!include nsDialogs.nsh

!define UNKEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Slotdeck"
!define KEY "Software\Slotdeck"
!define CLASS "Slotdeck.Cluster"

Name "Slotdeck"
OutFile "${OUT}"
BrandingText "Slotdeck ${VERSION}"
VIProductVersion "${NUMBERS}"
VIAddVersionKey /LANG=0 ProductName "Slotdeck"
VIAddVersionKey /LANG=0 ProductVersion "${VERSION}"
VIAddVersionKey /LANG=0 FileVersion "${VERSION}"
VIAddVersionKey /LANG=0 FileDescription "Slotdeck setup"
VIAddVersionKey /LANG=0 CompanyName "Slotdeck"
VIAddVersionKey /LANG=0 LegalCopyright "MIT OR Apache-2.0"

!define MUI_ICON "..\assets\windows\slotdeck.ico"
!define MUI_UNICON "..\assets\windows\slotdeck.ico"
!define MUI_WELCOMEFINISHPAGE_BITMAP "..\assets\windows\setup.bmp"
!define MUI_ABORTWARNING
!define MUI_COMPONENTSPAGE_SMALLDESC
!define MUI_FINISHPAGE_RUN
!define MUI_FINISHPAGE_RUN_TEXT "$(StartNow)"
!define MUI_FINISHPAGE_RUN_FUNCTION StartSlotdeck
!define MUI_FINISHPAGE_NOREBOOTSUPPORT

Page custom ChoosePage ChooseLeave
!insertmacro MUI_PAGE_COMPONENTS
!define MUI_PAGE_CUSTOMFUNCTION_PRE FolderPre
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH

UninstPage custom un.DataPage un.DataLeave
!insertmacro MUI_UNPAGE_INSTFILES

; The system's language decides, without asking; where it is neither, the first: English.
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "SimpChinese"
!include languages.nsh

Var Everyone      ; 1: for everyone on this computer
Var Decided       ; 1: the command line says for whom, or it need not be asked
Var Folder        ; the folder that the command line names, else empty
Var Before        ; the folder of the version that is there already, else empty
Var StopServers   ; 1: servers run, and may be stopped
Var DeleteData    ; 1: clusters, their data and the settings go too
Var Dialog
Var Box

!include common.nsh
!include install.nsh
!include uninstall.nsh
